/** Captures whose file cannot be written any more: a pipe whose reader ends stands for a disk that fills. */
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

/** Creates a pipe whose reader ends after the first bytes of the header; `ended` waits for it. */
const closingPipe = Effect.gen(function* () {
  const { inRoot } = yield* directory()
  const path = inRoot("pipe")
  ChildProcess.execFileSync("mkfifo", [path])
  const reader = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn("head", ["-c", "4", path], { stdio: "ignore" })),
    (reader) => Effect.sync(() => void reader.kill("SIGKILL"))
  )
  const exit = once(reader, "exit")
  return { path, ended: Effect.promise(() => exit) }
})

/** Starts a server that answers when the reader of a pipe has ended. */
const answering = (ended: Effect.Effect<unknown>) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        socket.resume()
        Effect.runFork(
          Effect.andThen(
            ended,
            Effect.sync(() => socket.end("answer"))
          )
        )
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  )

const ask = (port: number) =>
  Effect.promise(async () => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.end("Hello")
    let answer = ""
    for await (const bytes of socket) answer += String(bytes)
    return answer
  })

describe.skipIf(process.platform === "win32")("a capture that cannot be written any more", () => {
  it.live("fails a client when it is done, with one line", () =>
    Effect.gen(function* () {
      const { ended, path } = yield* closingPipe
      const server = yield* answering(ended)
      const { port } = server.address() as Net.AddressInfo
      const { code, stderr, stdout } = yield* Cli.run(["connect", "127.0.0.1", `${port}`, "--capture", path])
      assert.strictEqual(stdout.toString(), "answer")
      const lines = stderr.split("\n").filter((line) => !line.includes("capturing to"))
      assert.deepStrictEqual(lines, [
        `effect-inet: --capture "${path}": the reader has closed the pipe; the file lacks the packets from then on`,
        ""
      ])
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("is a warning for a server, which goes on", () =>
    Effect.gen(function* () {
      const { ended, path } = yield* closingPipe
      const server = yield* Cli.serve(["rot13", "serve", "--capture", path])
      yield* ended
      assert.strictEqual(yield* ask(server.port), "Uryyb")
      yield* server.waitForOutput("stderr", /capture to \S+ stopped: the reader has closed the pipe; [^\n]*"WARN"/)
      assert.strictEqual(yield* ask(server.port), "Uryyb")
      yield* server.kill("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
    }).pipe(Effect.scoped)
  )
})
