/** The owner of a unix socket, by the names or numbers of a user and a group. */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"
import { UsageError } from "../CliErrors.ts"

/** A user and a group. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Runs a program that looks up an ID, and returns the number that it prints; undefined if it fails. */
const query = (program: string, args: ReadonlyArray<string>, pattern: RegExp) =>
  Effect.callback<number | undefined>((resume) => {
    ChildProcess.execFile(program, args, (error, stdout) => {
      const [, digits] = error === null ? (pattern.exec(stdout) ?? []) : []
      resume(Effect.succeed(digits === undefined ? undefined : Number(digits)))
    })
  })

const isNumber = (text: string) => /^\d{1,10}$/.test(text)

const numberOf = (flag: "-u" | "-g", user: string) =>
  flag === "-u" && isNumber(user) ? Effect.succeed(Number(user)) : query("id", [flag, "--", user], /^(\d+)\n$/)

const groupNumber = (group: string) =>
  isNumber(group) ? Effect.succeed(Number(group)) : query("getent", ["group", "--", group], /^[^:]*:[^:]*:(\d+):/)

const unknown = (what: string, name: string) =>
  Effect.fail(new UsageError({ message: `--unix-owner: no ${what} ${JSON.stringify(name)} on this host` }))

/** Finds `USER[:GROUP]`. The default group is that of the user. */
export const find = Effect.fnUntraced(function* (text: string): Effect.fn.Return<Owner, UsageError> {
  const [user = "", group] = text.split(":", 2)
  const uid = yield* numberOf("-u", user)
  if (uid === undefined) return yield* unknown("user", user)
  const gid = yield* group === undefined ? numberOf("-g", user) : groupNumber(group)
  return gid === undefined ? yield* unknown("group", group ?? `of ${user}`) : { uid, gid }
})
