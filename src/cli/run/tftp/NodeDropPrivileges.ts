/** Gives up root's rights for those of another user: for servers that needed them only to bind a port. */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"
import { CannotServe } from "../common/serverMessages.ts"

const fail = (message: string) => Effect.fail(new CannotServe({ message: `--user: ${message}` }))

/** A number of the user's, as `id` tells: it asks whatever the host keeps its users in. */
const queryId = (what: "-u" | "-g", user: string) =>
  Effect.callback<number, CannotServe>((resume) => {
    ChildProcess.execFile("id", [what, "--", user], (error, stdout) => {
      const known = error === null && /^\d+\n$/.test(stdout)
      resume(known ? Effect.succeed(Number(stdout)) : fail(`no user ${JSON.stringify(user)} on this host`))
    })
  })

/** A user of this host. */
export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Finds a user that this process can become. */
export const find = Effect.fnUntraced(function* (name: string) {
  const user: User = { name, uid: yield* queryId("-u", name), gid: yield* queryId("-g", name) }
  if (process.getuid?.() === 0 || process.getuid?.() === user.uid) return user
  return yield* fail(`only root can become ${name}; start as root, or leave --user out`)
})

/** Left out of the types. */
interface Groups {
  readonly initgroups?: (user: string, group: number) => void
}

/** Becomes the user, with the groups of that user only. */
export const become = ({ gid, name, uid }: User) =>
  Effect.suspend(() => {
    if (process.getuid?.() === uid) return Effect.void
    try {
      ;(process as Groups).initgroups?.(name, gid)
      process.setgid?.(gid)
      process.setuid?.(uid)
    } catch (error) {
      return fail(`cannot become ${name}: ${error instanceof Error ? error.message : error}`)
    }
    return Effect.void
  })
