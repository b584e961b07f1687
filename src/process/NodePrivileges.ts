/**
 * The user and the groups of this process: a server that needs root only to bind its port continues as another user.
 *
 * `drop` changes the real, effective and saved IDs of all threads, and the supplementary groups, and then checks that
 * the process cannot change back. Child processes that started before keep their user.
 */
import * as ChildProcess from "node:child_process"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** A failure to change the user or the group of this process. */
export class PrivilegeError extends Data.TaggedError("PrivilegeError")<{ readonly message: string }> {}

const fail = (message: string) => Effect.fail(new PrivilegeError({ message }))

/** A user to change to, by name or number. */
export interface Identity {
  /** Name or number as the caller gave it, for messages. */
  readonly name: string
  readonly uid: number
  /** Number, or the name of a group that the system resolves. */
  readonly group: number | string
  /** False if the user has no entry in the user database, and so no supplementary groups. */
  readonly isKnown: boolean
}

const numberOr = (text: string) => (/^\d{1,10}$/.test(text) ? Number(text) : text)

/** Runs the program `id`, which knows every user database. Returns what it prints; undefined for an unknown user. */
const runId = (args: ReadonlyArray<string>) =>
  Effect.callback<string | undefined>((resume) => {
    ChildProcess.execFile("id", [...args], (error, stdout) => {
      resume(Effect.succeed(error === null ? stdout.trim() : undefined))
    })
  })

const queryId = (flag: "-u" | "-g", user: string) =>
  Effect.map(runId([flag, "--", user]), (id) => (id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined))

/** Returns the number of a group, or its name: only the number of the group of this process can be found by name. */
const numberOfGroup = Effect.fnUntraced(function* (group: string) {
  const given = numberOr(group)
  return typeof given === "string" && given === (yield* runId(["-gn"])) ? process.getegid!() : given
})

/**
 * Finds a user and a group, each by name or number. The default group is that of the user. Fails if this process cannot
 * change to them.
 */
export const find = Effect.fnUntraced(function* (
  user: string,
  group?: string
): Effect.fn.Return<Identity, PrivilegeError> {
  if (process.getuid === undefined) return yield* fail("this system has no users to change to; omit it")
  const knownUid = yield* queryId("-u", user)
  const uid = knownUid ?? numberOr(user)
  if (typeof uid === "string") return yield* fail(`no user ${JSON.stringify(user)} on this host`)
  const ownGroup = yield* queryId("-g", user)
  const chosen = group === undefined ? ownGroup : yield* numberOfGroup(group)
  if (chosen === undefined) return yield* fail(`user ${user} has no group on this host; name a group, too`)
  if (process.getuid() !== 0 && process.getuid() !== uid) {
    return yield* fail(`only root can change to ${user}; start as root, or omit --user`)
  }
  return { name: user, uid, group: chosen, isKnown: knownUid !== undefined }
})

/** Returns whether the process has an identity. Whether its group is one of a name cannot be told. */
const hasChanged = ({ group, uid }: Identity) =>
  process.getuid?.() === uid &&
  process.geteuid?.() === uid &&
  process.getgid?.() === process.getegid?.() &&
  (typeof group === "string" || process.getgid?.() === group)

/** Tests if a call succeeds. */
const succeeds = (call: () => void) => {
  try {
    call()
    return true
  } catch {
    return false
  }
}

/** The calls by which a process regains root; all must fail. */
const canReturn = () => succeeds(() => process.setuid!(0)) || succeeds(() => process.seteuid!(0))

/** The call of Node that its types omit. */
interface Groups {
  readonly initgroups: (user: number, group: number | string) => void
}

const change = ({ group, isKnown, uid }: Identity) => {
  const { initgroups } = process as unknown as Groups
  if (isKnown) initgroups(uid, group)
  else process.setgroups!([group])
  process.setgid!(group)
  process.setuid!(uid)
}

/** Changes to a user and its groups for the rest of the process. Does nothing if the process has that user already. */
export const drop = (identity: Identity) =>
  Effect.suspend(() => {
    if (typeof identity.group === "number" && hasChanged(identity)) return Effect.void
    try {
      change(identity)
    } catch (error) {
      return fail(`cannot change to ${identity.name}: ${error instanceof Error ? error.message : error}`)
    }
    if (!hasChanged(identity)) return fail(`cannot change to ${identity.name}: the system kept the old user or group`)
    return identity.uid !== 0 && canReturn()
      ? fail(`cannot change to ${identity.name}: the process could become root again`)
      : Effect.void
  })
