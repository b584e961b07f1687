/** Servers on a unix socket instead of a port, as the flags of `serverFlags.listener` select it. */
import * as Effect from "effect/Effect"
import { UsageError } from "./CliErrors.ts"

/** Values of the flags of a unix socket. */
interface Input {
  readonly unix: string | undefined
  readonly unixMode: number | undefined
  readonly unixOwner: string | undefined
}

const ownerOf = (text: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./NodeSocketOwner.ts")),
    ({ find }) => find(text)
  )

/** Lets a program of a server listen on a unix socket: it gets the options of the socket instead of the flags. */
export const withUnixSocket =
  <A, E, R>(load: () => Promise<(input: A) => Effect.Effect<void, E, R>>) =>
  async () => {
    const program = await load()
    return ({ unix, unixMode, unixOwner, ...rest }: A & Input): Effect.Effect<void, E | UsageError, R> => {
      const input = rest as unknown as A
      if (unix === undefined) {
        const flag = unixMode !== undefined ? "--unix-mode" : unixOwner !== undefined ? "--unix-owner" : undefined
        return flag === undefined
          ? program(input)
          : Effect.fail(new UsageError({ message: `${flag} needs --unix: add it, or leave ${flag} out` }))
      }
      return Effect.flatMap(unixOwner === undefined ? Effect.undefined : ownerOf(unixOwner), (owner) =>
        program({ ...input, path: unix, mode: unixMode, owner })
      )
    }
  }
