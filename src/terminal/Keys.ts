/** Decoder of keyboard input into keys. It is pure, so that tests try every escape sequence without a terminal. */

/** A printable character, or the name of a key that prints nothing. */
export type Key =
  | { readonly _tag: "Character"; readonly character: string }
  | { readonly _tag: "Up" | "Down" | "Left" | "Right" | "Enter" | "Backspace" | "Escape" | "Interrupt" | "EndOfInput" }

/** The keys decoded so far, and `pending`: the start of an escape sequence that the next chunk may complete. */
export interface Decoded {
  readonly keys: ReadonlyArray<Key>
  readonly pending: string
}

const controlKeys: Readonly<Record<string, Exclude<Key["_tag"], "Character">>> = {
  "\r": "Enter",
  "\n": "Enter",
  "\b": "Backspace",
  "\u007f": "Backspace",
  "\u0003": "Interrupt",
  "\u0004": "EndOfInput"
}

const arrows: Readonly<Record<string, "Up" | "Down" | "Left" | "Right">> = {
  A: "Up",
  B: "Down",
  C: "Right",
  D: "Left"
}

/** A CSI sequence (`ESC [ ... letter`), an SS3 sequence (`ESC O letter`), or Alt with a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys send control characters
const escapeSequence = /^\u001b(?:\[[0-?]*[ -/]*([@-~])|O(.)|([^[O]))/su

/** The start of a sequence. A start with more than 16 parameter bytes or 4 intermediate bytes is discarded. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys send control characters
const incompleteSequence = /^\u001b(?:\[[0-?]{0,16}[ -/]{0,4}|O)?$/

const escapeKey: Key = { _tag: "Escape" }

/** Decodes `pending` followed by `chunk`. Sequences of other keys are dropped. */
export const decode = (pending: string, chunk: string): Decoded => {
  const keys: Array<Key> = []
  let text = pending + chunk
  while (text !== "") {
    const character = String.fromCodePoint(text.codePointAt(0)!)
    if (character !== "\u001b") {
      const tag = controlKeys[character]
      if (tag !== undefined) keys.push({ _tag: tag })
      else if (character >= " ") keys.push({ _tag: "Character", character })
      text = text.slice(character.length)
      continue
    }
    if (incompleteSequence.test(text)) return { keys, pending: text }
    const [whole = character, csiFinal, ss3Final, alt] = escapeSequence.exec(text) ?? []
    const arrow = arrows[csiFinal ?? ss3Final ?? ""]
    if (arrow !== undefined) keys.push({ _tag: arrow })
    // ESC before another key is the Escape key, and the other key counts as well.
    if (alt !== undefined || whole === character) keys.push(escapeKey)
    text = text.slice(alt === undefined ? whole.length : 1)
  }
  return { keys, pending: "" }
}

/** Decodes `pending` after a timeout: an escape sequence that was not completed is the Escape key. */
export const flush = (pending: string): ReadonlyArray<Key> => (pending.startsWith("\u001b") ? [escapeKey] : [])
