/** What a keyboard sends, cut into keys: pure, so that every sequence can be tried without a terminal. */

/** A key: a letter, digit or sign as it is, or the name of one that shows nothing. */
export type Key =
  | { readonly _tag: "Character"; readonly character: string }
  | { readonly _tag: "Up" | "Down" | "Left" | "Right" | "Enter" | "Backspace" | "Escape" | "Interrupt" | "EndOfInput" }

/** The keys so far, and the start of a sequence that may go on in what comes next. */
export interface Step {
  readonly keys: ReadonlyArray<Key>
  readonly rest: string
}

const named: Readonly<Record<string, Exclude<Key["_tag"], "Character">>> = {
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

/** A control sequence (`ESC [ ... letter`), one of the older kind (`ESC O letter`), or Alt with a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what keys send
const sequence = /^\u001b(?:\[[0-?]*[ -/]*([@-~])|O(.)|([^[O]))/su

/** One that has begun and may go on: at most so long, or it is no key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what keys send
const open = /^\u001b(?:\[[0-?]{0,16}[ -/]{0,4}|O)?$/

const escapeKey: Key = { _tag: "Escape" }

/** Cuts what came after `rest` into keys. Keys that have no meaning here are left out. */
export const decode = (rest: string, chunk: string): Step => {
  const keys: Array<Key> = []
  let text = rest + chunk
  while (text !== "") {
    const character = String.fromCodePoint(text.codePointAt(0)!)
    if (character !== "\u001b") {
      const tag = named[character]
      if (tag !== undefined) keys.push({ _tag: tag })
      else if (character >= " ") keys.push({ _tag: "Character", character })
      text = text.slice(character.length)
      continue
    }
    if (open.test(text)) return { keys, rest: text }
    const [whole = character, final, older, alt] = sequence.exec(text) ?? []
    const arrow = arrows[final ?? older ?? ""]
    if (arrow !== undefined) keys.push({ _tag: arrow })
    // Escape twice, or before another key: it is meant as such, and the other key counts, too.
    if (alt !== undefined || whole === character) keys.push(escapeKey)
    text = text.slice(alt === undefined ? whole.length : 1)
  }
  return { keys, rest: "" }
}

/** What the start of a sequence is when nothing follows it: the Escape key. */
export const flush = (rest: string): ReadonlyArray<Key> => (rest.startsWith("\u001b") ? [escapeKey] : [])
