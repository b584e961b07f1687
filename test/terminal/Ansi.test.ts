import { assert, describe, it } from "@effect/vitest"
import * as Ansi from "../../src/terminal/Ansi.ts"

const lines = (...texts: ReadonlyArray<string>) => texts.map((text) => [{ text }])

describe("Ansi", () => {
  it.each([
    [lines("abc", "d"), "\u001b[Habc\u001b[K\r\nd\u001b[K\u001b[J"],
    // A full row is not cleared: that would erase its last character.
    [lines("abcd", "e"), "\u001b[Habcd\r\ne\u001b[K\u001b[J"],
    [lines("a", "bcde"), "\u001b[Ha\u001b[K\r\nbcde\r\n\u001b[J"],
    [lines("a", "b", "cdef"), "\u001b[Ha\u001b[K\r\nb\u001b[K\r\n\u001b[Jcdef"],
    [[], "\u001b[H\u001b[J"]
  ])("frame of 4 by 3 clears what is left of %j", (screen, expected) =>
    assert.strictEqual(Ansi.frame(screen, 4, 3, false), expected)
  )

  it.each([
    [0, 80, "\r\u001b[Jnew"],
    [80, 80, "\r\u001b[Jnew"],
    [79, 40, "\u001b[1A\r\u001b[Jnew"],
    [79, 20, "\u001b[3A\r\u001b[Jnew"]
  ])("replaceLine clears all rows of a line of %d characters that %d columns wrap", (shown, columns, expected) =>
    assert.strictEqual(Ansi.replaceLine("new", shown, columns), expected)
  )
})
