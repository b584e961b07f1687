/** Logs of a server of the page whose clients send bad input. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"

/** A logger that keeps its messages. */
export const recorder = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

/** The one line for requests under another host name. */
const refusedHost = /^page: a request with the host ".*" was refused; further ones are not logged$/

/** Runs a program and asserts that it logs nothing else: bad input of a client does not fail the server. */
export const silently = Effect.fnUntraced(function* <A, E, R>(body: Effect.Effect<A, E, R>) {
  const { layer, lines } = recorder()
  const result = yield* Effect.provide(body, layer)
  for (const line of lines) assert.match(line, refusedHost)
  assert.isAtMost(lines.length, 1)
  return result
})
