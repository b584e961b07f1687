/** Hangman without a screen: the output of the server as it is, or its views as JSON. */
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as AnswerEnd from "../../../hangman/AnswerEnd.ts"
import * as HangmanClient from "../../../hangman/HangmanClient.ts"
import type * as Network from "../../../network/Network.ts"
import type { Answers } from "../games/plainClient.ts"

/** Limit for text without a complete answer. Answers are much shorter. */
const maxPendingChars = 16_384

/** Returns the output of a server of any dialect, chunk by chunk. */
export const texts = (
  connection: Network.Connection
): Pull.Pull<Answers, HangmanClient.HangmanClientError | Network.NetworkError> => {
  const utf8 = new TextDecoder()
  let text = ""
  return Effect.flatMap(connection.pull, (output) => {
    text += utf8.decode(output, { stream: true })
    let completed = 0
    let isLast = false
    for (let answer = AnswerEnd.takeFirst(text); answer !== undefined; answer = AnswerEnd.takeFirst(text)) {
      text = answer.rest
      isLast ||= answer.isLast
      completed++
    }
    return text.length > maxPendingChars
      ? Effect.fail(new HangmanClient.HangmanClientError({ reason: "UnexpectedReply" }))
      : Effect.succeed({ output, completed, isLast })
  })
}

/** Returns the views of a server of the friendly dialect, as lines of JSON. */
export const views = (
  connection: Network.Connection
): Pull.Pull<Answers, HangmanClient.HangmanClientError | Network.NetworkError> =>
  Effect.map(HangmanClient.make(connection).next, (view) => ({
    output: `${JSON.stringify(view)}\n`,
    completed: 1,
    isLast: view.prompt === "bye"
  }))
