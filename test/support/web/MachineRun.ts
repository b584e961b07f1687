/** Runs the machine of a game without a connection. */
import type * as GameMachine from "../../../src/web/games/GameMachine.ts"

/** Returns the state after a text that arrives in chunks of this length. */
export const receive = <S>(
  machine: GameMachine.GameMachine<S>,
  text: string,
  chunkChars: number,
  from = machine.initial
) => {
  let state = from
  for (let at = 0; at < text.length; at += chunkChars) {
    state = machine.step(state, { _tag: "Received", text: text.slice(at, at + chunkChars) })[0]
  }
  return state
}
