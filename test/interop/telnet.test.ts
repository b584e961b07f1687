import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Line from "../../src/network/Line.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { noneLeft } from "../support/Handles.ts"

/** Serves one client, which gets its lines back, until it says `bye`. */
const serve = Effect.fnUntraced(function* (listener: Network.Listener) {
  const connection = yield* listener.accept
  const { next } = yield* Line.make(connection)
  for (let line = yield* next; line !== "bye"; line = yield* next) yield* connection.write(`got ${line}\r\n`)
}, Effect.scoped)

/** Runs a program; its output so far, and waits for it to say something and to say no more. */
const spawn = Effect.fnUntraced(function* (command: string, args: Array<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] })),
    (child) => Effect.sync(() => void child.kill())
  )
  let output = ""
  const said = (text: string) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (output.includes(text)) resume(Effect.void)
      }
      child.stdout.on("data", look)
      look()
      return Effect.sync(() => void child.stdout.off("data", look))
    }).pipe(Effect.timeout("5 seconds"))
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
  return { said, type, closed: Effect.timeout(closed, "5 seconds"), output: () => output }
})

const noTelnet = ChildProcess.spawnSync("telnet", ["--version"], { encoding: "utf8" }).error !== undefined

describe("the telnet of this machine", () => {
  it.live.skipIf(noTelnet)("negotiates and is answered (skipped where there is no telnet)", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ port: 0 })
      const serving = yield* Effect.forkChild(serve(listener))
      const { closed, output, said, type } = yield* spawn("telnet", [])
      // A minus before the port makes telnet open the negotiation.
      const port = NetAddress.isInetAddress(listener.address) ? listener.address.port : 0
      yield* type(`toggle options\nopen 127.0.0.1 -${port}\n`)
      yield* said("SENT")
      yield* type("grüße\n")
      yield* said("got grüße")
      yield* type("bye\n")
      yield* Fiber.join(serving)
      yield* closed
      const asked = [...output().matchAll(/SENT (DO|WILL) (.*)/g)].map(([, verb, option]) => `${verb} ${option}`)
      const answered = [...output().matchAll(/RCVD (WONT|DONT) (.*)/g)].map(
        ([, verb, option]) => `${verb === "WONT" ? "DO" : "WILL"} ${option}`
      )
      assert.isAbove(asked.length, 2)
      assert.deepStrictEqual(answered.sort(), asked.sort())
    }).pipe(Effect.scoped, noneLeft, Effect.provide(NodeNetwork.layer))
  )
})
