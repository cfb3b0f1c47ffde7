// The form that calls a method, through the method's own gates, limits and validation.
import { fill, h } from "./dom.js";
import { duration, plural } from "./format.js";
import { kindOf } from "./model.js";

/** @typedef {import("./model.js").MethodEntry} MethodEntry */
/**
 * @typedef {object} Answer
 * @property {string} outcome
 * @property {number} durationMs
 * @property {unknown[]} messages
 * @property {boolean} isCut
 * @property {{ code: string, reason: string, message: string, details?: unknown, retryAfterMs?: number } | undefined} error
 * @property {string} requestId
 * @property {string | undefined} traceId
 * @property {[string, string][]} metadata
 */

/** What was typed, by method, while the page is open. @type {Map<string, { request: string, metadata: string }>} */
const drafts = new Map();

/**
 * @param {MethodEntry} entry
 * @param {boolean} isOn
 * @param {(traceId: string) => void} showCall
 */
export function tryForm(entry, isOn, showCall) {
  if (!isOn)
    return h(
      "p",
      { class: "note tryoff" },
      "This page only looks. ",
      h("code", {}, "debugServer({ tryIt: true })"),
      " lets it call methods.",
    );
  const name = `${entry.service}.${entry.name}`;
  const takesMany = entry.kind === "client" || entry.kind === "bidi";
  const example = JSON.stringify(takesMany ? [entry.example, entry.example] : entry.example, null, 2);
  const draft = drafts.get(name) ?? { request: example, metadata: "" };
  const request = /** @type {HTMLTextAreaElement} */ (
    h("textarea", {
      id: "try-request",
      rows: Math.min(14, Math.max(3, draft.request.split("\n").length)),
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      oninput: keep,
      onkeydown: keys,
    })
  );
  request.value = draft.request;
  const metadata = /** @type {HTMLTextAreaElement} */ (
    h("textarea", {
      id: "try-metadata",
      rows: 2,
      spellcheck: "false",
      autocomplete: "off",
      placeholder: "authorization: Bearer …",
      oninput: keep,
      onkeydown: keys,
    })
  );
  metadata.value = draft.metadata;
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "primary" }, "Call"));
  const result = h("div", { class: "result", "aria-live": "polite" });

  function keep() {
    drafts.set(name, { request: request.value, metadata: metadata.value });
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send(event);
  }

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    if (button.disabled) return;
    let body;
    try {
      body = `{"service":${JSON.stringify(entry.service)},"method":${JSON.stringify(entry.name)},"metadata":${JSON.stringify(metadataOf(metadata.value))},"request":${checked(request.value)}}`;
    } catch (error) {
      return fill(result, h("p", { class: "mark fault" }, `▲ ${/** @type {Error} */ (error).message}`));
    }
    button.disabled = true;
    fill(result, h("p", { class: "note" }, "Calling…"));
    try {
      const response = await fetch("debug/try", {
        method: "POST",
        headers: { "content-type": "application/json", "x-servicekit-debug": "try" },
        body,
      });
      const text = await response.text();
      if (response.ok) fill(result, ...answerOf(JSON.parse(text), showCall));
      else fill(result, h("p", { class: "mark fault" }, `▲ not called: ${sentenceIn(text)}`));
    } catch (error) {
      fill(
        result,
        h("p", { class: "mark fault" }, `▲ the server cannot be reached: ${/** @type {Error} */ (error).message}`),
      );
    } finally {
      button.disabled = false;
    }
  }

  return h(
    "form",
    { class: "try", onsubmit: send },
    h("h3", {}, "Call it"),
    h("label", { for: "try-request" }, takesMany ? "Requests, a JSON list: one message each" : "Request, JSON"),
    request,
    h(
      "details",
      { open: draft.metadata !== "" },
      h("summary", {}, "Metadata"),
      h("label", { for: "try-metadata" }, "One name: value on a line, as headers carry them"),
      metadata,
    ),
    h(
      "p",
      { class: "bar" },
      button,
      h("span", { class: "note" }, "Ctrl+Enter. A real call: limits, breaker and handler see it."),
    ),
    result,
  );
}

/** The text itself is sent, since numbers may have more digits than this language holds. @param {string} text */
function checked(text) {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new Error(`the request is not JSON: ${/** @type {Error} */ (error).message}`, { cause: error });
  }
  return text;
}

/** @param {string} text */
function metadataOf(text) {
  /** @type {[string, string][]} */
  const entries = [];
  for (const line of text
    .split("\n")
    .map((one) => one.trim())
    .filter(Boolean)) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`a line of the metadata should be name: value, got “${line}”`);
    entries.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return Object.fromEntries(entries);
}

/** @param {string} text a sentence, or problem details. */
function sentenceIn(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return text.trim();
  }
}

/** @param {Answer} answer @param {(traceId: string) => void} showCall */
function answerOf(answer, showCall) {
  const { error, messages, isCut, metadata, traceId } = answer;
  const kind = kindOf(answer.outcome);
  return [
    h(
      "p",
      { class: "bar" },
      h("strong", { class: `mark ${kind}` }, `${{ ok: "●", refused: "◇", fault: "▲" }[kind]} ${answer.outcome}`),
      h("span", {}, duration(answer.durationMs)),
      (messages.length !== 1 || isCut) &&
        !error &&
        h(
          "span",
          { class: "note" },
          `${isCut ? "the first " : ""}${plural(messages.length, "message")}${isCut ? ", then called off" : ""}`,
        ),
      traceId &&
        h(
          "button",
          { type: "button", class: "plainlink", onclick: () => showCall(traceId) },
          "Show it among the last calls",
        ),
    ),
    error &&
      h(
        "p",
        {},
        h("code", {}, error.reason),
        ` ${error.message}`,
        error.retryAfterMs !== undefined && ` (again in ${duration(error.retryAfterMs)})`,
      ),
    error?.details !== undefined && h("pre", { tabindex: 0 }, JSON.stringify(error.details, null, 2)),
    ...messages.map((message) => h("pre", { tabindex: 0 }, JSON.stringify(message, null, 2))),
    metadata.length > 0 && h("pre", { tabindex: 0 }, metadata.map(([name, value]) => `${name}: ${value}`).join("\n")),
    h("p", { class: "note" }, `request id ${answer.requestId}`),
  ];
}
