/** Scenarios of the contents of files: open, read, write, seek, truncate, sync. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Scenarios } from "./DiskScenario.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const textOf = (chunk: Option.Option<Uint8Array>) =>
  Option.match(chunk, { onNone: () => "end", onSome: (value) => new TextDecoder().decode(value) })

const flags: ReadonlyArray<FileSystem.OpenFlag> = ["r", "r+", "w", "wx", "w+", "wx+", "a", "ax", "a+", "ax+"]

export const scenarios: Scenarios = {
  "each flag opens a missing file": ({ at, errorOf, fs }) =>
    Effect.forEach(flags, (flag) => errorOf(fs.open(at(`new-${flag}`), { flag }))),
  "each flag opens an existing file": ({ at, errorOf, fs, put, text }) =>
    Effect.forEach(flags, (flag) =>
      Effect.gen(function* () {
        yield* put(`f${flag}`, "text")
        return [yield* errorOf(fs.open(at(`f${flag}`), { flag })), yield* text(`f${flag}`)]
      })
    ),
  "each flag opens a folder": ({ at, errorOf, fs }) =>
    Effect.forEach(flags, (flag) => errorOf(fs.open(at(""), { flag }))),
  "each flag reads and writes": ({ at, errorOf, fs, put, text }) =>
    Effect.forEach(flags, (flag) =>
      Effect.scoped(
        Effect.gen(function* () {
          const name = `f${flag}`
          if (!flag.includes("x")) yield* put(name, "0123456789")
          const file = yield* fs.open(at(name), { flag })
          const written = yield* errorOf(file.write(bytes("AB")))
          const read = yield* errorOf(file.readAlloc(4))
          const cut = yield* errorOf(file.truncate(5))
          return [written, read, cut, yield* text(name)]
        })
      )
    ),
  "the position advances with reads and writes": ({ at, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "0123456789")
      const file = yield* fs.open(at("f"), { flag: "r+" })
      const first = textOf(yield* file.readAlloc(3))
      const wrote = yield* file.write(bytes("AB"))
      const second = textOf(yield* file.readAlloc(2))
      const position = yield* file.seek(-1n, "current")
      const third = textOf(yield* file.readAlloc(100))
      const end = textOf(yield* file.readAlloc(1))
      return [first, wrote, second, Number(position), third, end, yield* text("f")]
    }),
  "an explicit position does not move that of the file": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "0123456789")
      const file = yield* fs.open(at("f"))
      const buffer = new Uint8Array(3)
      const count = yield* file.read(buffer, { position: 8n })
      const first = textOf(yield* file.readAlloc(2))
      const beyond = yield* file.read(buffer, { position: 50n })
      return [count, [...buffer], first, beyond, yield* errorOf(file.read(buffer, { position: -1n }))]
    }),
  "a seek before the start is refused": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "0123")
      const file = yield* fs.open(at("f"))
      const errors = [yield* errorOf(file.seek(-1n, "start")), yield* errorOf(file.seek(-1n, "current"))]
      return [errors, textOf(yield* file.readAlloc(2)), yield* errorOf(file.readAlloc(-1))]
    }),
  "a write beyond the end leaves zeros": ({ at, fs, text }) =>
    Effect.gen(function* () {
      const file = yield* fs.open(at("f"), { flag: "w+" })
      yield* file.seek(5_000n, "start")
      yield* file.writeAll(bytes("end"))
      const content = yield* text("f")
      return [content.length, content.slice(-3), new Set(content.slice(0, 5_000)).size]
    }),
  "appends go to the end, whatever the position is": ({ at, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "0123")
      const file = yield* fs.open(at("f"), { flag: "a+" })
      const first = textOf(yield* file.readAlloc(2))
      yield* file.writeAll(bytes("AB"))
      yield* put("f", "new")
      yield* file.writeAll(bytes("CD"))
      return [first, yield* text("f")]
    }),
  "truncate cuts, extends and moves the position": ({ at, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "0123456789")
      const file = yield* fs.open(at("f"), { flag: "r+" })
      yield* file.seek(8n, "start")
      yield* file.truncate(4)
      yield* file.writeAll(bytes("X"))
      const cut = yield* text("f")
      yield* file.truncate(7)
      const extended = yield* text("f")
      yield* fs.truncate(at("f"), 2)
      const short = yield* text("f")
      yield* file.truncate()
      return [cut, extended, short, yield* text("f")]
    }),
  "truncate refuses fractions as lengths": ({ at, errorOf, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "0123456789")
      const file = yield* fs.open(at("f"), { flag: "r+" })
      const lengths: ReadonlyArray<unknown> = [10n, 2n ** 60n, Number.NaN, 1.5, Number.POSITIVE_INFINITY, "1"]
      const refused = yield* Effect.forEach(lengths as ReadonlyArray<number>, (length) =>
        Effect.all([
          errorOf(fs.truncate(at("f"), length)),
          // Node's own check of NaN in an open file is a defect, after it has cut the file.
          errorOf(Number.isNaN(length) ? Effect.void : file.truncate(length))
        ])
      )
      return [refused, yield* text("f")]
    }),
  "truncate refuses a missing file and a folder": ({ at, errorOf, fs }) =>
    Effect.all([errorOf(fs.truncate(at("none"))), errorOf(fs.truncate(at("")))]),
  "bytes that were cut off are zeros if the file grows again": ({ at, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "x".repeat(9_000))
      yield* fs.truncate(at("f"), 4_100)
      yield* fs.truncate(at("f"), 9_000)
      const content = yield* fs.readFile(at("f"))
      return [content.length, content.filter((byte) => byte === 120).length]
    }),
  "a removed file stays open": ({ at, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "text")
      const file = yield* fs.open(at("f"), { flag: "r+" })
      yield* fs.remove(at("f"))
      yield* file.writeAll(bytes("TE"))
      yield* file.seek(0n, "start")
      const { nlink } = yield* file.stat
      return [textOf(yield* file.readAlloc(10)), Number(Option.getOrThrow(nlink)), yield* fs.exists(at("f"))]
    }),
  "a renamed file stays open": ({ at, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "text")
      const file = yield* fs.open(at("f"), { flag: "a" })
      yield* fs.rename(at("f"), at("g"))
      yield* file.writeAll(bytes("!"))
      yield* file.sync
      return yield* text("g")
    }),
  "a folder can be opened and synced, and not read": ({ at, errorOf, fs }) =>
    Effect.gen(function* () {
      const folder = yield* fs.open(at(""))
      const { type } = yield* folder.stat
      return [
        type,
        yield* errorOf(folder.sync),
        yield* errorOf(folder.readAlloc(1)),
        yield* errorOf(folder.truncate(1))
      ]
    }),
  "readFile and writeFile report missing files and folders": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      const content = bytes("x")
      return yield* Effect.all([
        errorOf(fs.readFile(at("none"))),
        errorOf(fs.readFile(at(""))),
        errorOf(fs.readFile(at("f/x"))),
        errorOf(fs.readFile("")),
        errorOf(fs.readFile(at("\0"))),
        errorOf(fs.writeFile(at("none/f"), content)),
        errorOf(fs.writeFile(at(""), content)),
        errorOf(fs.writeFile(at("f/"), content)),
        errorOf(fs.writeFile(at("new/"), content)),
        errorOf(fs.writeFile(at("f"), content, { flag: "wx" })),
        errorOf(fs.writeFile(at("f"), content, { flag: "r" }))
      ])
    }),
  "writeFile replaces, appends and creates with a mode": ({ at, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "a long text")
      yield* put("f", "short")
      yield* fs.writeFileString(at("f"), "er", { flag: "a" })
      yield* fs.writeFileString(at("secret"), "x", { mode: 0o600 })
      const { mode } = yield* fs.stat(at("secret"))
      return [yield* text("f"), mode.toString(8), (yield* fs.stat(at("f"))).mode.toString(8)]
    }),
  "a large file is read and written in streams": ({ at, fs }) =>
    Effect.gen(function* () {
      const block = new Uint8Array(100_000).map((_, index) => index & 0xff)
      yield* Stream.run(Stream.make(block, block, block), fs.sink(at("f")))
      const chunks = yield* Stream.runCollect(fs.stream(at("f"), { chunkSize: 65_536 }))
      const part = yield* Stream.runCollect(fs.stream(at("f"), { offset: ByteSize.bytes(10), bytesToRead: 3 }))
      const { blocks, size } = yield* fs.stat(at("f"))
      return [
        chunks.map(({ length }) => length),
        part.map((chunk) => [...chunk]),
        Number(ByteSize.toBigInt(size)),
        Number(Option.getOrThrow(blocks)) >= 586
      ]
    }),
  "noFollow refuses a symbolic link": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "text")
      yield* fs.symlink("f", at("link"))
      return yield* Effect.all([
        errorOf(fs.open(at("link"), { noFollow: true })),
        errorOf(fs.open(at("f"), { noFollow: true })),
        errorOf(fs.open(at("link"), { flag: "wx" })),
        errorOf(fs.open(at("link")))
      ])
    }),
  "an open file tells its size and type": ({ at, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "text")
      const { mode, size, type } = yield* (yield* fs.open(at("f"))).stat
      return [type, mode.toString(8), Number(ByteSize.toBigInt(size))]
    })
}
