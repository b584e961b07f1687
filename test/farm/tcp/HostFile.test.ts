import { assert, describe, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as HostFile from "../../../src/farm/tcp/HostFile.ts"
import * as RegularFile from "../../../src/network/files/RegularFile.ts"

const sample = `# the machines of the lab
lab1
  lab2:1071 # under the desk\r
x:y:z, lab3

lab1
[::1]:http
`

/** A file whose text the test sets; undefined if it does not exist. */
const setUp = () => {
  const file: { text: string | undefined } = { text: "" }
  const lines: Array<string> = []
  const open = () => {
    const { text } = file
    if (text === undefined) {
      return Effect.fail(new RegularFile.RegularFileError({ reason: "NotFound", message: "no such file or directory" }))
    }
    let rest = Option.some(new TextEncoder().encode(text))
    return Effect.succeed({
      stat: Effect.succeed({ type: "File", size: ByteSize.bytes(text.length) } as const),
      read: () =>
        Effect.sync(() => {
          const chunk = rest
          rest = Option.none()
          return Option.filter(chunk, ({ length }) => length > 0)
        })
    })
  }
  const layer = Layer.mergeAll(
    FileSystem.layerNoop({ stat: () => Effect.succeed({ type: "File", size: ByteSize.bytes(0) } as never) }),
    Layer.succeed(RegularFile.Opener, open as never),
    Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  )
  return { file, lines, layer }
}

describe("HostFile", () => {
  it("parses hosts, skips comments, and tells lines that are not hosts", () => {
    const { hosts, problems } = HostFile.parse(sample)
    assert.deepStrictEqual(hosts, ["lab1", "lab2:1071", "lab3", "[::1]:http"])
    assert.deepStrictEqual(problems, [
      { line: 4, message: 'invalid host "x:y:z": write host, host:port or [address]:port' }
    ])
    assert.deepStrictEqual(HostFile.parse(""), { hosts: [], problems: [] })
  })

  it.effect("emits the list after each change, and keeps it while the file cannot be read", () => {
    const { file, layer, lines } = setUp()
    return Effect.gen(function* () {
      const lists: Array<string> = []
      file.text = "a\nb"
      const record = (hosts: ReadonlyArray<string>) => Effect.sync(() => void lists.push(hosts.join(" ")))
      yield* Effect.forkScoped(Stream.runForEach(HostFile.watch("hosts", "2 seconds"), record))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(lists, ["a b"])
      for (const text of ["a\n:::x", undefined, undefined, "a\n:::x", "# none"]) {
        file.text = text
        yield* TestClock.adjust("2 seconds")
      }
      assert.deepStrictEqual(lists, ["a b", "a", "a", ""])
      const invalid = 'hosts:2: invalid host ":::x": write host, host:port or [address]:port; skipped'
      const missing = "hosts: no such file or directory; the hosts stay as they are"
      assert.deepStrictEqual(lines, [invalid, missing, invalid])
    }).pipe(Effect.provide(layer))
  })
})
