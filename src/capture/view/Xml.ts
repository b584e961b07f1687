/** Text in SVG and HTML: escaped, without control characters. Pure. */
import * as TerminalText from "../../network/TerminalText.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Escapes a text for an element or for an attribute in quotes; control characters become `\u001b`. */
export const escapeMarkup = (text: string): string =>
  TerminalText.escape(text)
    .toWellFormed()
    .replaceAll(/[&<>"'\ufffe\uffff]/g, (one) => entities[one] ?? "\ufffd")
