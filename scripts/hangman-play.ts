/** Plays one game of hangman, most frequent letters first: node scripts/hangman-play.ts [HOST [PORT]] */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HangmanClient from "../src/hangman/HangmanClient.ts"
import * as NodeServices from "../src/network/node/NodeServices.ts"
import * as TcpClient from "../src/network/TcpClient.ts"

const [host = "localhost", service = "hangman"] = process.argv.slice(2)

Effect.gen(function* () {
  const { next, send } = HangmanClient.make(yield* TcpClient.connect({ host, service }))
  yield* next
  yield* send("guest")
  let view = yield* next
  for (const letter of "etaoinsrhldcumfpgwybvkxjqz") {
    if (view.prompt !== "guess") break
    yield* Console.log(`${view.board?.word}  ${view.board?.lives}  ${letter}`)
    yield* send(letter)
    view = yield* next
  }
  yield* Console.log(view.message.join("\n"))
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
