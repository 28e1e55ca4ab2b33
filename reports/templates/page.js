"use strict";
// Sorting, filtering and folding; every text is set as text, never as HTML.
const PAGE_SIZE = 50;
const data = JSON.parse(document.getElementById("data").textContent);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/* light and dark */
(() => {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  button.hidden = false;
  label();
})();

/* sortable tables */
function sortBy(table, column, header) {
  const now = header.getAttribute("aria-sort");
  const ascending = now ? now === "descending" : !header.classList.contains("number");
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const value = (row) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  const compare = (one, two) => typeof one === "number" && typeof two === "number"
    ? one - two : String(one).localeCompare(String(two), "en", { numeric: true });
  const rows = [...table.tBodies[0].rows].sort((one, two) => compare(value(one), value(two)));
  if (!ascending) rows.reverse();
  table.tBodies[0].append(...rows);
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = make("button", "sort", header.textContent);
    button.type = "button";
    button.addEventListener("click", () => sortBy(table, column, header));
    header.replaceChildren(button);
  });
}

/* questions */
const form = document.getElementById("filters");
const list = document.getElementById("list");
const more = document.getElementById("more");
let found = [];
let shown = 0;

function fillSelect(name, options) {
  const select = form.elements[name];
  for (const [value, text] of options) {
    const option = make("option", "", text);
    option.value = value;
    select.append(option);
  }
  if (options.length < 3 && name !== "run") select.parentElement.hidden = true;
  if (options.length < 2) select.parentElement.style.display = "none";
}
function distinct(values) {
  const unique = [...new Set(values)].filter((value) => value !== "").sort();
  return [["", "all"], ...unique.map((value) => [value, value.replaceAll("_", " ")])];
}
const verdict = (answer) => {
  if (!answer) return "absent";
  if (answer.value === null) return "unjudged";
  return answer.value >= 1 ? "right" : answer.value > 0 ? "partial" : "wrong";
};
const SYMBOLS = { right: "✓", wrong: "✗", partial: "◐", unjudged: "?", absent: "·" };
const WORDS = { right: "right", wrong: "wrong", partial: "partly right", unjudged: "not scored", absent: "not in this run" };

function searchText(question) {
  const parts = [question.id, question.question, question.evidence, question.gold];
  for (const answer of question.answers) if (answer) parts.push(answer.sql ?? answer.completion, answer.error);
  return parts.join("\n").toLowerCase();
}
function verdictMatches(question, run, wanted) {
  const now = verdict(question.answers[run]);
  if (wanted === "gained" || wanted === "lost") {
    const before = question.answers[0]?.value ?? null;
    const after = question.answers[run]?.value ?? null;
    if (before === null || after === null) return false;
    return wanted === "gained" ? after > before : after < before;
  }
  return wanted === "" ? now !== "absent" : now === wanted;
}
function matches(question, wanted) {
  const answer = question.answers[wanted.run];
  return verdictMatches(question, wanted.run, wanted.verdict)
    && (!wanted.status || answer?.status === wanted.status)
    && (!wanted.diagnosis || answer?.diagnosis === wanted.diagnosis)
    && (!wanted.db || question.db === wanted.db)
    && (!wanted.difficulty || question.difficulty === wanted.difficulty)
    && (!wanted.text || (question.haystack ??= searchText(question)).includes(wanted.text));
}

function resultTable(result, caption) {
  if (!result) return null;
  const table = make("table");
  table.append(make("caption", "detail", `${caption}: ${result.row_count.toLocaleString("en")} row${result.row_count === 1 ? "" : "s"}`
    + (result.row_count > result.rows.length ? `, the first ${result.rows.length}` : "")));
  const head = table.createTHead().insertRow();
  for (const name of result.columns) { const cell = make("th", "", name); cell.scope = "col"; head.append(cell); }
  const body = table.createTBody();
  for (const row of result.rows) {
    const line = body.insertRow();
    for (const value of row) line.append(value === null ? make("td", "null", "NULL") : make("td", "", value));
  }
  const box = make("div", "scroll");
  box.append(table);
  return box;
}
function answerBody(name, answer) {
  const box = make("div");
  const title = make("h4", "", `${name} `);
  title.append(make("span", verdict(answer), WORDS[verdict(answer)]));
  box.append(title);
  if (!answer) return box;
  const facts = [`status ${answer.status}`];
  if (answer.diagnosis) facts.push(answer.diagnosis.replaceAll("_", " "));
  if (answer.error) facts.push(answer.error);
  box.append(make("p", "detail", facts.join(" · ")));
  if (answer.sql !== null) box.append(make("code", "sql", answer.sql));
  else if (answer.completion) box.append(make("p", "detail", "No SQL was found in:"), make("code", "sql", answer.completion));
  const result = resultTable(answer.result, "Result");
  if (result) box.append(result);
  const scores = answer.scores.flatMap((score, index) => score ? [[data.metrics[index], ...score]] : []).map(([metric, value, reason]) =>
    `${metric} ${value === null ? "not scored" : (100 * value).toFixed(2) + "\u00a0%"}${reason ? ` (${reason})` : ""}`);
  box.append(make("p", "detail", scores.join(" · ")));
  return box;
}
function questionBody(question) {
  const body = make("div", "body");
  if (question.evidence) body.append(make("p", "", `Evidence: ${question.evidence}`));
  if (question.gold) body.append(make("h4", "", "Gold"), make("code", "sql", question.gold));
  const result = resultTable(question.gold_result, "Gold result");
  if (result) body.append(result);
  data.runs.forEach((name, index) => body.append(answerBody(name, question.answers[index])));
  return body;
}
function questionRow(question) {
  const row = make("details");
  const summary = make("summary");
  const marks = make("span", "marks");
  question.answers.forEach((answer, index) => {
    const kind = verdict(answer);
    const mark = make("span", kind, SYMBOLS[kind]);
    mark.title = `${data.runs[index]}: ${WORDS[kind]}`;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", mark.title);
    marks.append(mark);
  });
  const place = [question.id, question.db, question.difficulty].filter(Boolean).join(" · ");
  summary.append(marks, make("span", "text", question.question || question.gold || "(no text)"), make("span", "detail", place));
  row.append(summary);
  row.addEventListener("toggle", () => { if (row.open && row.childElementCount === 1) row.append(questionBody(question)); });
  return row;
}
function showMore() {
  list.append(...found.slice(shown, shown + PAGE_SIZE).map(questionRow));
  shown = Math.min(found.length, shown + PAGE_SIZE);
  more.hidden = shown >= found.length;
  const total = data.questions.length.toLocaleString("en");
  document.getElementById("found").textContent =
    `${found.length.toLocaleString("en")} of ${total} questions${shown < found.length ? `, ${shown} shown` : ""}`;
}
function refresh() {
  const wanted = Object.fromEntries(new FormData(form));
  wanted.run = Number(wanted.run || 0);
  wanted.text = (wanted.text || "").trim().toLowerCase();
  found = data.questions.filter((question) => matches(question, wanted));
  shown = 0;
  list.replaceChildren();
  showMore();
}
function startQuestions() {
  const answers = data.questions.flatMap((question) => question.answers.filter(Boolean));
  fillSelect("run", data.runs.map((name, index) => [String(index), name]));
  const flips = data.runs.length > 1 ? [["gained", `better than ${data.runs[0]}`], ["lost", `worse than ${data.runs[0]}`]] : [];
  const partial = answers.some((answer) => verdict(answer) === "partial") ? [["partial", WORDS.partial]] : [];
  fillSelect("verdict", [["", "all"], ["wrong", "wrong"], ["right", "right"], ...partial, ["unjudged", WORDS.unjudged], ...flips]);
  fillSelect("status", distinct(answers.map((answer) => answer.status)));
  fillSelect("diagnosis", distinct(answers.map((answer) => answer.diagnosis)));
  fillSelect("db", distinct(data.questions.map((question) => question.db)));
  fillSelect("difficulty", distinct(data.questions.map((question) => question.difficulty)));
  form.elements.run.value = String(data.chosen);
  form.hidden = false;
  let timer;
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, 80); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", showMore);
  refresh();
}
startQuestions();
