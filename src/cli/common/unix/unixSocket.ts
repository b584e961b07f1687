/** Servers on a unix socket instead of a port, as the flags of `serverFlags.listener` select it. */
import * as Effect from "effect/Effect"
import { UsageError } from "../CliErrors.ts"
import { CurrentHost } from "../ServerHost.ts"
import { CommandInput } from "../settings/CommandInput.ts"

/** Values of the flags of an address. */
interface Input {
  readonly host: string
  readonly port: number | undefined
  readonly unix: string | undefined
  readonly unixMode: number | undefined
  readonly unixOwner: string | undefined
}

/** Default of `--host`. */
const defaultHost = "127.0.0.1"

const ownerOf = (text: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./NodeSocketOwner.ts")),
    ({ find }) => find(text)
  )

/**
 * Fails if the command line has an address beside a unix socket. One of the environment or the file is meant for other
 * servers, too: the unix socket wins.
 */
const checkAddress = Effect.fnUntraced(function* ({ host, port }: Input, defaultPort: number | undefined) {
  const { found } = yield* CommandInput
  if ((yield* CurrentHost) !== undefined) return
  const given = port !== defaultPort ? "port" : host !== defaultHost ? "host" : undefined
  if (given === undefined || found.has(given)) return
  return yield* new UsageError({ message: `--${given} has no effect beside --unix: leave one of them out` })
})

/**
 * Lets a program of a server listen on a unix socket: it gets the options of the socket instead of the flags. Without a
 * `defaultPort` the program chooses the port itself.
 */
export const withUnixSocket =
  <A, E, R>(load: () => Promise<(input: A) => Effect.Effect<void, E, R>>, defaultPort?: number) =>
  async () => {
    const program = await load()
    return (all: A & Input): Effect.Effect<void, E | UsageError, R> => {
      const { unix, unixMode, unixOwner, ...rest } = all
      const input = rest as unknown as A
      if (unix === undefined) {
        const flag = unixMode !== undefined ? "--unix-mode" : unixOwner !== undefined ? "--unix-owner" : undefined
        return flag === undefined
          ? program(input)
          : Effect.fail(new UsageError({ message: `${flag} needs --unix: add it, or leave ${flag} out` }))
      }
      return checkAddress(all, defaultPort).pipe(
        Effect.andThen(unixOwner === undefined ? Effect.undefined : ownerOf(unixOwner)),
        Effect.flatMap((owner) => program({ ...input, path: unix, mode: unixMode, owner }))
      )
    }
  }
