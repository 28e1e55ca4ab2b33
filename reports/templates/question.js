// One question unfolded: its gold beside each answer; every text is set as text, never as HTML.
function resultTable(result, other, caption) {
  if (!result) return null;
  const table = make("table");
  table.append(make("caption", "detail", `${caption}: ${result.row_count.toLocaleString("en")} row${result.row_count === 1 ? "" : "s"}`
    + (result.row_count > result.rows.length ? `, the first ${result.rows.length}` : "")));
  const head = table.createTHead().insertRow();
  for (const name of result.columns) { const cell = make("th", "", name); cell.scope = "col"; head.append(cell); }
  const body = table.createTBody();
  // Only where both results are here as a whole is a row that the other lacks known to be one.
  const whole = other && [result, other].every((one) => one.row_count === one.rows.length);
  const known = new Set(whole ? other.rows.map((row) => JSON.stringify(row)) : []);
  for (const row of result.rows) {
    const line = body.insertRow();
    if (whole && !known.has(JSON.stringify(row))) { line.className = "only"; line.title = "not in the other result"; }
    for (const value of row) line.append(value === null ? make("td", "null", "NULL") : make("td", "", value));
  }
  const box = make("div", "scroll");
  box.append(table);
  return box;
}
function pane(title, ...parts) {
  const box = make("div", "pane");
  box.append(make("p", "title", title), ...parts.filter(Boolean));
  return box;
}
function triesTable(tries) {
  const table = make("table");
  table.append(make("caption", "detail", `${tries.length} samples; those with the same group returned the same rows`));
  const head = table.createTHead().insertRow();
  for (const name of ["sample", "group", "right", "status", "rows", "SQL"]) { const cell = make("th", "", name); cell.scope = "col"; head.append(cell); }
  const body = table.createTBody();
  tries.forEach(([sql, status, rows, group, correct], index) => {
    const line = body.insertRow();
    for (const value of [index, group, correct === null ? null : correct ? "✓" : "✗", status, rows]) line.append(make("td", "", value ?? "–"));
    const cell = make("td");
    cell.append(make("code", "", sql ?? "no SQL"));
    line.append(cell);
  });
  const box = make("div", "scroll");
  box.append(table);
  return box;
}
function answerFacts(answer) {
  const facts = [];
  const label = answer.diagnosis ? answer.diagnosis.replaceAll("_", " ") : `status ${answer.status}`;
  facts.push(make("p", "why", answer.why ? `${label}: ${answer.why}` : label));
  if (answer.error) facts.push(make("p", "detail", `SQLite says: ${answer.error}`));
  if (answer.gaps) facts.push(make("p", "detail", `verdicts disagree: ${answer.gaps.join(", ").replaceAll("_", " ")}`));
  return facts;
}
function answerBody(question, answer) {
  const box = make("div", "answer");
  box.append(...answerFacts(answer));
  const pair = make("div", "pair");
  const [gold, predicted] = sqlPair(question.gold, answer.sql ?? "");
  const written = answer.sql !== null ? predicted : make("code", "sql", answer.completion || "(nothing)");
  pair.append(
    pane("Gold", question.gold ? gold : null, resultTable(question.gold_result, answer.result, "Result")),
    pane(answer.sql !== null ? "Predicted" : "Predicted: no SQL was found in", written, resultTable(answer.result, question.gold_result, "Result")));
  box.append(pair);
  if (answer.repair) box.append(make("p", "detail", `SQLite refused the first answer (${answer.repair.error}); the second try ${answer.repair.accepted ? "stands in its place" : "was refused too"}. First answer:`),
    make("code", "sql", answer.repair.sql));
  if (answer.tries) box.append(triesTable(answer.tries));
  const scores = answer.scores.flatMap((score, index) => score ? [[data.metrics[index], ...score]] : []).map(([metric, value, reason]) =>
    `${metric} ${value === null ? "not scored" : (100 * value).toFixed(2) + "\u00a0%"}${reason ? ` (${reason})` : ""}`);
  box.append(make("p", "detail", scores.join(" · ")));
  return box;
}
function answerFold(question, index, open) {
  const answer = question.answers[index];
  const box = make("details", "run");
  const title = make("summary", "", `${data.runs[index]} `);
  const kind = verdict(answer);
  title.append(make("span", kind, `${SYMBOLS[kind]} ${WORDS[kind]}`));
  box.append(title);
  const fill = () => { if (box.open && answer && box.childElementCount === 1) box.append(answerBody(question, answer)); };
  box.addEventListener("toggle", fill);
  box.open = open;
  fill();
  return box;
}
function questionBody(question) {
  const body = make("div", "body");
  if (question.evidence) body.append(make("p", "", `Evidence: ${question.evidence}`));
  if (question.flags.length) body.append(make("p", "doubt", `This gold is doubtful: ${question.flags.join(", ").replaceAll("_", " ")}.`));
  const chosen = Number(form.elements.run.value || 0);
  const order = [chosen, ...data.runs.keys()].filter((index, place, all) => all.indexOf(index) === place && question.answers[index]);
  order.forEach((index, place) => body.append(answerFold(question, index, place === 0)));
  const link = make("a", "detail", "Link to this question");
  link.href = `#${new URLSearchParams({ question: keyOf(question) })}`;
  body.append(link);
  return body;
}
const keyOf = (question) => `${question.db}/${question.id}`;
