import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Line from "../../src/network/Line.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { assertNoLeaks } from "../support/Handles.ts"

/** Echoes the lines of one client until the line `bye`. */
const serve = Effect.fnUntraced(function* (listener: Network.Listener) {
  const connection = yield* listener.accept
  const { next } = yield* Line.make(connection)
  for (let line = yield* next; line !== "bye"; line = yield* next) yield* connection.write(`got ${line}\r\n`)
}, Effect.scoped)

/** Runs a program. `waitForText` waits for a text in its output, `closed` for the end of the output. */
const spawn = Effect.fnUntraced(function* (command: string, args: Array<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] })),
    (child) => Effect.sync(() => void child.kill())
  )
  let output = ""
  const waitForText = (text: string) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (output.includes(text)) resume(Effect.void)
      }
      child.stdout.on("data", look)
      look()
      return Effect.sync(() => void child.stdout.off("data", look))
    }).pipe(Effect.timeout("20 seconds"))
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text
  })
  const closed = Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        if (child.stdout.closed) resolve()
        else child.stdout.once("close", resolve)
      })
  )
  const type = (text: string) => Effect.sync(() => void child.stdin.write(text))
  return { waitForText, type, closed: Effect.timeout(closed, "20 seconds"), output: () => output }
})

const noTelnet = ChildProcess.spawnSync("telnet", ["--version"], { encoding: "utf8" }).error !== undefined

describe("Telnet with telnet(1)", () => {
  it.live.skipIf(noTelnet)("declines every option of the client (skipped without telnet)", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ port: 0 })
      const serving = yield* Effect.forkChild(serve(listener))
      const { closed, output, waitForText, type } = yield* spawn("telnet", [])
      // A minus before the port makes telnet open the negotiation.
      const port = NetAddress.isInetAddress(listener.address) ? listener.address.port : 0
      yield* type(`toggle options\nopen 127.0.0.1 -${port}\n`)
      yield* waitForText("SENT")
      yield* type("grüße\n")
      yield* waitForText("got grüße")
      yield* type("bye\n")
      yield* Fiber.join(serving)
      yield* closed
      const asked = [...output().matchAll(/SENT (DO|WILL) (.*)/g)].map(([, verb, option]) => `${verb} ${option}`)
      const answered = [...output().matchAll(/RCVD (WONT|DONT) (.*)/g)].map(
        ([, verb, option]) => `${verb === "WONT" ? "DO" : "WILL"} ${option}`
      )
      assert.isAbove(asked.length, 2)
      assert.deepStrictEqual(answered.sort(), asked.sort())
    }).pipe(Effect.scoped, assertNoLeaks, Effect.provide(NodeNetwork.layer))
  )
})
