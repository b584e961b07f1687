/** Reports to the service manager as a server does, then waits for the watchdog to be served three times. */
import * as Effect from "effect/Effect"
import * as NodeServiceManager from "../../../src/process/NodeServiceManager.ts"

const program = Effect.gen(function* () {
  const manager = yield* NodeServiceManager.make
  yield* manager.ready("rot13 ready on 127.0.0.1:1067\nMAINPID=1")
  yield* manager.reloading
  yield* manager.ready("again")
  process.stdout.write(`${process.env.NOTIFY_SOCKET ?? "no socket"} ${process.env.WATCHDOG_USEC ?? "no watchdog"}\n`)
  yield* Effect.promise(() => new Promise((resolve) => process.stdin.once("end", resolve).resume()))
  yield* manager.stopping
})

await Effect.runPromise(Effect.scoped(program))
