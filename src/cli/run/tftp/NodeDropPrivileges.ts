/** Drops root privileges: a server that needs root only to bind its port continues as another user. */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"
import { CannotServe } from "../common/serverMessages.ts"

const fail = (message: string) => Effect.fail(new CannotServe({ message: `--user: ${message}` }))

/** Queries a numeric ID of a user by the program `id`, which knows every user database of the host. */
const queryId = (flag: "-u" | "-g", user: string) =>
  Effect.callback<number, CannotServe>((resume) => {
    ChildProcess.execFile("id", [flag, "--", user], (error, stdout) => {
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

/** Finds a user; fails if this process cannot change to it. */
export const find = Effect.fnUntraced(function* (name: string) {
  const user: User = { name, uid: yield* queryId("-u", name), gid: yield* queryId("-g", name) }
  if (process.getuid?.() === 0 || process.getuid?.() === user.uid) return user
  return yield* fail(`only root can change to ${name}; start as root, or omit --user`)
})

/** The call of Node that its types omit. */
interface Groups {
  readonly initgroups?: (user: string, group: number) => void
}

/** Changes to the user, with the groups of that user only. */
export const become = ({ gid, name, uid }: User) =>
  Effect.suspend(() => {
    if (process.getuid?.() === uid) return Effect.void
    try {
      ;(process as Groups).initgroups?.(name, gid)
      process.setgid?.(gid)
      process.setuid?.(uid)
    } catch (error) {
      return fail(`cannot change to ${name}: ${error instanceof Error ? error.message : error}`)
    }
    return Effect.void
  })
