/** Ends of output: a reader that leaves, a file that cannot be written, a run that is interrupted. */
import * as Dgram from "node:dgram"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { directory, waitForNames } from "../support/Directory.ts"

/**
 * Starts a TFTP server whose file has no end, and which supports no options. Each ACK gets the next block. `ended` is
 * the first ERROR packet.
 */
const endlessServer = Effect.gen(function* () {
  const ended = yield* Deferred.make<string>()
  const data = Buffer.alloc(516, "x")
  data.writeUInt16BE(3, 0)
  const socket = yield* Effect.acquireRelease(
    Effect.callback<Dgram.Socket>((resume) => {
      const socket = Dgram.createSocket("udp4")
      socket.on("message", (packet, { address, port }) => {
        const kind = packet.readUInt16BE(0)
        if (kind === 5) {
          Deferred.doneUnsafe(ended, Effect.succeed(packet.toString("latin1", 4, packet.length - 1)))
          return
        }
        data.writeUInt16BE(kind === 4 ? (packet.readUInt16BE(2) + 1) & 0xffff : 1, 2)
        socket.send(data, port, address)
      })
      socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => void socket.close())
  )
  return { ended: Deferred.await(ended), port: socket.address().port }
})

describe("output", () => {
  it.live("tells the server of rcat when the reader of standard output leaves, as head does", () =>
    Effect.gen(function* () {
      const { ended, port } = yield* endlessServer
      const rcat = yield* Cli.start(["rcat", `127.0.0.1:${port}`, "f"])
      yield* rcat.waitForOutput("stdout", /x/)
      rcat.stdout.destroy()
      assert.match(yield* ended, /^(?:The transfer was stopped|Write error)$/)
      assert.deepInclude(yield* rcat.ended, { code: 0, stderr: "" })
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["missing folder", "/nosuch/x", "no such file or directory"],
    ["folder", "/", "illegal operation on a directory"],
    ["full disk", "/dev/full", "no space left on device"]
  ] as const)("fails before anything is sent if the capture is in a %s", ([, file, reason]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess([
        "--capture",
        file,
        "rot13",
        "send",
        "127.0.0.1",
        "1",
        "a"
      ])
      assert.strictEqual(stderr, `effect-inet: --capture "${file}": ${reason}\n`)
      assert.deepStrictEqual([code, stdout], [1, ""])
    })
  )

  it.live("says at Ctrl-C where an unfinished count is saved", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const run = yield* Cli.start(["primes", "count", "0..3e11", "--workers", "1", "--checkpoint", inRoot("run")])
      yield* waitForNames(root, (names) => names.includes("run"))
      yield* run.kill("SIGINT")
      const { code, stderr } = yield* run.ended
      assert.match(stderr, /^[^\n]*: the unfinished run is saved in [^\n]*\/run; the same command continues it\n$/)
      assert.strictEqual(code, 130)
    }).pipe(Effect.scoped)
  )

  it.live("reports a checkpoint that cannot be written once", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const { code, stderr } = yield* Cli.run(["primes", "count", "1e6", "--checkpoint", inRoot("none/run")])
      assert.match(stderr, /^effect-inet: [^\n]*none\/run: its directory does not exist; create it first\n$/)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )
})
