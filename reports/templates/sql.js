"use strict";
// SQL as coloured text, with what one query has and the other hasn't; every text is set as text, never as HTML.
const MOST_TOKENS = 1200;
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$))|(\d+(?:\.\d+)?)|([\p{L}_][\p{L}\p{N}_$]*)|(\s+)|(<>|<=|>=|!=|\|\||[\s\S])/gu;
const KINDS = ["comment", "string", "name", "number", "word", "space", "sign"];
const KEYWORDS = new Set(("ALL AND AS ASC BETWEEN BY CASE CAST COLLATE CROSS DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS FILTER FROM FULL GLOB GROUP "
  + "HAVING IN INNER INTERSECT IS ISNULL JOIN LEFT LIKE LIMIT NATURAL NOT NOTNULL NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION RECURSIVE "
  + "RIGHT SELECT THEN UNION USING VALUES WHEN WHERE WINDOW WITH").split(" "));

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
function tokenise(sql) {
  return [...sql.matchAll(TOKEN)].map((found) => {
    const kind = KINDS[found.slice(1).findIndex((part) => part !== undefined)];
    const keyword = kind === "word" && KEYWORDS.has(found[0].toUpperCase());
    // Names and keywords are the same in either case, strings are not.
    return { text: found[0], kind: keyword ? "keyword" : kind, key: kind === "string" ? found[0] : found[0].toUpperCase() };
  });
}
/* the places of a longest common subsequence, [in one, in two] */
function align(one, two) {
  const width = two.length + 1;
  const best = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1)
    for (let j = two.length - 1; j >= 0; j -= 1)
      best[i * width + j] = one[i].key === two[j].key
        ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
  const shared = [new Set(), new Set()];
  for (let i = 0, j = 0; i < one.length && j < two.length;) {
    if (one[i].key === two[j].key) { shared[0].add(one[i]); shared[1].add(two[j]); i += 1; j += 1; }
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return shared;
}
function sqlBlock(tokens, shared, mark) {
  const block = make("code", "sql");
  for (const token of tokens) {
    const plain = token.kind === "space" || token.kind === "sign" || token.kind === "word";
    const changed = shared && token.kind !== "space" && !shared.has(token);
    if (plain && !changed) block.append(token.text);
    else block.append(make(changed ? mark : "span", plain ? "" : `t-${token.kind}`, token.text));
  }
  return block;
}
/* two code blocks; what only the gold has is marked as deleted, what only the prediction has as inserted */
function sqlPair(gold, predicted) {
  const tokens = [tokenise(gold), tokenise(predicted)];
  const words = tokens.map((all) => all.filter((token) => token.kind !== "space"));
  const fits = words.every((all) => all.length > 0 && all.length <= MOST_TOKENS);
  const shared = fits ? align(...words) : [null, null];
  return [sqlBlock(tokens[0], shared[0], "del"), sqlBlock(tokens[1], shared[1], "ins")];
}
