import * as Schema from "effect/Schema"
import * as Line from "../../src/network/Line.ts"
import * as Telnet from "../../src/network/Telnet.ts"

/** Bytes of which many are ends of lines, telnet commands, or parts of characters. */
export const LineBytes = Schema.Array(
  Schema.Literals([
    97, 97, 98, 13, 13, 10, 10, 0, 0, 255, 253, 250, 240, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xef, 0xbb, 0xbf
  ])
)
/** Sizes of chunks. */
export const ChunkSizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })))
/** Maximum length that many lines exceed. */
export const MaxLength = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 }))

/** Splits bytes into chunks of the given sizes, and the rest. */
export const split = (bytes: ArrayLike<number>, sizes: ReadonlyArray<number>) => {
  const whole = Uint8Array.from(bytes)
  const pieces: Array<Uint8Array> = []
  let from = 0
  for (const size of [...sizes, bytes.length]) {
    pieces.push(whole.slice(from, from + size))
    from += size
  }
  return pieces
}

/** Reference implementation: splits the whole stream by a regular expression. */
export const referenceLines = (
  bytes: ReadonlyArray<number>,
  maxLength: number,
  telnet: boolean,
  unterminated: Line.UnterminatedPolicy = "deliver"
) => {
  const whole = Uint8Array.from(bytes)
  const data = telnet ? Telnet.receive(Telnet.initial, whole).data : whole
  const all = Buffer.from(data)
    .toString("latin1")
    .split(telnet ? /\r?\n|\r\0/ : /\r?\n/)
  const last = all.pop()!.replace(/\r$/, "")
  if (last !== "") all.push(last)
  const over = all.findIndex((line) => line.length > maxLength)
  const lines = all.slice(0, over === -1 ? undefined : over).map((line) => Buffer.from(line, "latin1").toString())
  if (over !== -1) return { lines, end: "TooLong" }
  if (last === "" || unterminated === "deliver") return { lines, end: "Done" }
  return { lines: lines.slice(0, -1), end: unterminated === "drop" ? "Done" : "Unterminated" }
}

/** A line of a telnet client: bytes of commands, text, and its end if it has one. */
export const CommandLines = Schema.Array(
  Schema.Struct({
    commands: Schema.Literals([0, 1, 60, 127, 128, 129, 130]),
    textLength: Schema.Literals([0, 1, 6, 8]),
    hasEnd: Schema.Literals([true, true, false])
  })
)

/** Encodes lines with no-operation commands (NOP) before the last character of each. */
export const encodeCommandLines = (lines: typeof CommandLines.Type): ReadonlyArray<number> =>
  lines.flatMap(({ commands, hasEnd, textLength }) => [
    ...Array<number>(Math.max(0, textLength - 1)).fill(120),
    ...Array.from({ length: commands }, () => [255, 241]).flat(),
    ...Array<number>(Math.min(1, textLength)).fill(120),
    ...(hasEnd ? [10] : [])
  ])

/** Returns the lengths of the lines up to the first one with more than 8 bytes, commands beyond 256 bytes included. */
export const referenceCommandLines = (lines: typeof CommandLines.Type) => {
  const lengths: Array<number> = []
  let [text, commandBytes] = [0, 0]
  for (const { commands, hasEnd, textLength } of lines) {
    text += textLength
    commandBytes += 2 * commands
    if (text + Math.max(0, commandBytes - 256) > 8) return { lengths, end: "TooLong" }
    if (!hasEnd) continue
    lengths.push(text)
    text = commandBytes = 0
  }
  return { lengths: text > 0 ? [...lengths, text] : lengths, end: "Done" }
}

/** Returns all lines of the chunks, and their end. */
export const decode = (chunks: ReadonlyArray<Uint8Array>, options?: Line.DecoderOptions) => {
  const decoder = Line.decoder(options)
  const lines: Array<string> = []
  for (const chunk of chunks) {
    decoder.feed(chunk)
    for (let line = decoder.take(); line !== undefined; line = decoder.take()) {
      if (typeof line !== "string") return { lines, end: line._tag }
      lines.push(line)
    }
  }
  const last = decoder.finish()
  if (last !== undefined) lines.push(last)
  return { lines, end: "Done" }
}
