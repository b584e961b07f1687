import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as terminalOutput from "../../../src/cli/common/terminalOutput.ts"
import { chunkEscaper, escapedStdio } from "../../../src/cli/common/terminalStreams.ts"
import * as TerminalText from "../../../src/network/TerminalText.ts"

const hostile = "a\u001b]0;x\u0007\r\n\u009b2J\u202eb"
const escapedLines = "a\\u001b]0;x\\u0007\n\\u009b2J\\u202eb"

const recorder = () => {
  const written: Array<string> = []
  const record = (...parts: ReadonlyArray<unknown>) => void written.push(parts.join(" "))
  return { written, console: { ...globalThis.console, log: record, error: record } satisfies Console.Console }
}

describe("terminalOutput", () => {
  it("a console escapes results and messages", () => {
    const { console, written } = recorder()
    const escaped = terminalOutput.escapedConsole(console)
    escaped.log(hostile)
    escaped.error(hostile)
    assert.deepStrictEqual(written, [escapedLines, escapedLines])
  })

  it("a console keeps the value of JSON", () => {
    const { console, written } = recorder()
    terminalOutput.escapedConsole(console).log(JSON.stringify({ name: hostile }))
    assert.strictEqual(JSON.parse(written.join()).name, hostile)
    assert.notInclude(written.join(), "\u202e")
  })

  it.effect("the logger writes one line for a message with line ends", () =>
    Effect.gen(function* () {
      const { console, written } = recorder()
      yield* Effect.logWarning(hostile).pipe(
        Effect.provideService(Logger.CurrentLoggers, new Set([terminalOutput.logger])),
        Effect.provideService(Console.Console, console)
      )
      assert.match(written.join(), /: a\\u001b\]0;x\\u0007\\u000d\\u000a\\u009b2J\\u202eb$/)
    })
  )
})

describe("terminalStreams", () => {
  const Bytes = Schema.Array(Schema.Literals(["a", "é", "\r", "\n", "\u009b", "漢", "\u001b"]))
  const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))

  it.prop("chunkEscaper gives the same text for chunks of any size", [Bytes, Size], ([parts, size]) => {
    const text = `${parts.join("")}.`
    const bytes = new TextEncoder().encode(text)
    const escapeChunk = chunkEscaper()
    let output = ""
    for (let at = 0; at < bytes.length; at += size) output += escapeChunk(bytes.subarray(at, at + size))
    assert.strictEqual(output, TerminalText.escapeLines(text))
  })

  it.effect.each([
    [true, escapedLines],
    [false, hostile]
  ] as const)("standard output of a terminal (%s) is escaped only there", ([isTerminal, expected]) =>
    Effect.gen(function* () {
      const written: Array<string | Uint8Array> = []
      const stdio = escapedStdio(
        Stdio.make({
          args: Effect.succeed([]),
          stdin: Stream.empty,
          stdout: () => Sink.forEach((chunk: string | Uint8Array) => Effect.sync(() => void written.push(chunk))),
          stderr: () => Sink.drain,
          stdoutIsTerminal: Effect.succeed(isTerminal)
        })
      )
      yield* Stream.run(Stream.succeed(new TextEncoder().encode(hostile)), stdio.stdout())
      assert.strictEqual(Buffer.concat(written.map((chunk) => Buffer.from(chunk))).toString(), expected)
    })
  )
})
