// Sorting, filtering, folding and deep links; every text is set as text, never as HTML.
const PAGE_SIZE = 50;
const data = JSON.parse(document.getElementById("data").textContent);

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
  if (options.length < 3 && name !== "run" && name !== "against") select.parentElement.classList.add("useless");
  if (options.length < 2) select.parentElement.classList.add("useless");
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
  for (const answer of question.answers) if (answer) parts.push(answer.sql ?? answer.completion, answer.error, answer.why);
  return parts.join("\n").toLowerCase();
}
function verdictMatches(question, { run, against, verdict: wanted }) {
  const now = verdict(question.answers[run]);
  if (wanted === "gained" || wanted === "lost") {
    const before = question.answers[against]?.value ?? null;
    const after = question.answers[run]?.value ?? null;
    if (before === null || after === null) return false;
    return wanted === "gained" ? after > before : after < before;
  }
  return wanted === "" ? now !== "absent" : now === wanted;
}
function matches(question, wanted) {
  const answer = question.answers[wanted.run];
  return verdictMatches(question, wanted)
    && (!wanted.status || answer?.status === wanted.status)
    && (!wanted.diagnosis || answer?.diagnosis === wanted.diagnosis)
    && (!wanted.db || question.db === wanted.db)
    && (!wanted.difficulty || question.difficulty === wanted.difficulty)
    && (!wanted.text || (question.haystack ??= searchText(question)).includes(wanted.text));
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
  const text = make("span", "text", question.question || question.gold || "(no text)");
  text.dir = "auto";
  summary.append(marks, text, make("span", "detail", place));
  row.append(summary);
  row.addEventListener("toggle", () => {
    if (row.open && row.childElementCount === 1) row.append(questionBody(question));
    if (row.open) writeAddress({ question: keyOf(question) });
  });
  return row;
}
function describePair({ run, against }) {
  const test = data.pairs.find(([one, two]) => (one === against && two === run) || (one === run && two === against));
  if (!test) return "";
  const [, two, wins, losses, p] = test;
  const [better, worse] = two === run ? [wins, losses] : [losses, wins];
  return `; ${data.runs[run]} is better than ${data.runs[against]} on ${better.toLocaleString("en")} and worse on ${worse.toLocaleString("en")}, ${p}`;
}
function showMore() {
  list.append(...found.slice(shown, shown + PAGE_SIZE).map(questionRow));
  shown = Math.min(found.length, shown + PAGE_SIZE);
  more.hidden = shown >= found.length;
  const total = data.questions.length.toLocaleString("en");
  document.getElementById("found").textContent =
    `${found.length.toLocaleString("en")} of ${total} questions${shown < found.length ? `, ${shown} shown` : ""}${describePair(readFilters())}`;
}
function readFilters() {
  const wanted = Object.fromEntries(new FormData(form));
  wanted.run = Number(wanted.run || 0);
  wanted.against = Number(wanted.against || 0);
  wanted.text = (wanted.text || "").trim().toLowerCase();
  return wanted;
}
function refresh() {
  const wanted = readFilters();
  for (const option of form.elements.verdict.options) if (option.dataset.word) option.textContent = `${option.dataset.word} than ${data.runs[wanted.against]}`;
  found = data.questions.filter((question) => matches(question, wanted));
  shown = 0;
  list.replaceChildren();
  showMore();
}

/* deep links: #question=DB/ID opens a question, #run=NAME&verdict=wrong… filters the list */
function writeAddress(values) {
  history.replaceState(null, "", `#${new URLSearchParams(values)}`);
}
function writeFilters() {
  const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  for (const name of ["run", "against"]) if (values[name]) values[name] = data.runs[Number(values[name])];
  writeAddress(values);
}
function setFilters(values) {
  for (const field of form.elements) {
    if (field.name === "run" || field.name === "against") {
      const place = data.runs.indexOf(values.get(field.name));
      field.value = String(place >= 0 ? place : field.name === "run" ? data.chosen : 0);
    } else field.value = values.get(field.name) ?? "";
    if (field.selectedIndex === -1) field.value = "";
  }
  refresh();
}
function followAddress() {
  const values = new URLSearchParams(location.hash.slice(1));
  const key = values.get("question");
  const names = [...form.elements].map((field) => field.name);
  if (key === null && !names.some((name) => values.has(name))) return;
  setFilters(values);
  document.getElementById("questions").scrollIntoView({ behavior: "instant" });
  const place = key === null ? -1 : found.findIndex((question) => keyOf(question) === key);
  if (place < 0) return;
  while (shown <= place) showMore();
  const row = list.children[place];
  row.open = true;
  row.scrollIntoView({ behavior: "instant" });
  row.firstElementChild.focus({ preventScroll: true });
}
function startQuestions() {
  const answers = data.questions.flatMap((question) => question.answers.filter(Boolean));
  const runs = data.runs.map((name, index) => [String(index), name]);
  fillSelect("run", runs);
  fillSelect("against", runs);
  const flips = data.runs.length > 1 ? [["gained", "better"], ["lost", "worse"]] : [];
  const partial = answers.some((answer) => verdict(answer) === "partial") ? [["partial", WORDS.partial]] : [];
  fillSelect("verdict", [["", "all"], ["wrong", "wrong"], ["right", "right"], ...partial, ["unjudged", WORDS.unjudged], ...flips]);
  for (const option of form.elements.verdict.options) if (["gained", "lost"].includes(option.value)) option.dataset.word = option.textContent;
  fillSelect("status", distinct(answers.map((answer) => answer.status)));
  fillSelect("diagnosis", distinct(answers.map((answer) => answer.diagnosis)));
  fillSelect("db", distinct(data.questions.map((question) => question.db)));
  fillSelect("difficulty", distinct(data.questions.map((question) => question.difficulty)));
  form.hidden = false;
  let timer;
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => { refresh(); writeFilters(); }, 80); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", showMore);
  for (const cell of document.querySelectorAll("td[data-flips]")) {
    const link = make("a", "", cell.textContent);
    const { run, against, flips: kind } = cell.dataset;
    link.href = `#${new URLSearchParams({ run, against, verdict: kind })}`;
    link.title = "show these questions";
    cell.replaceChildren(link);
  }
  setFilters(new URLSearchParams());
  addEventListener("hashchange", followAddress);
  followAddress();
}
startQuestions();

/* on paper every table is unfolded; the questions are as the reader left them */
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("main details:not([open])")].filter((one) => !list.contains(one));
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
