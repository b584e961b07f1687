/** A program that uploads into a directory: `hold` waits to be killed, `fill` writes until it is refused. */
import * as Effect from "effect/Effect"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import { bytesOf, refusal, request } from "../Files.ts"

const [root = "", command, free = "0"] = process.argv.slice(2)
const print = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const upload = Effect.gen(function* () {
  const store = yield* NodeFileStore.make({ root, write: "overwrite", minFreeBytes: Number(free) })
  const { write } = yield* store.write(request("f"))
  yield* write(bytesOf("half of it"))
  yield* print("writing")
  if (command === "hold") return yield* Effect.never
  for (let written = 10; ; written += 16_384) {
    yield* Effect.tapError(write(new Uint8Array(16_384)), () => print(String(written)))
  }
})

setInterval(() => {}, 1_000)
await Effect.runPromise(Effect.scoped(upload).pipe(Effect.catch((error) => print(`${refusal(error)} ${error.code}`))))
process.exit()
