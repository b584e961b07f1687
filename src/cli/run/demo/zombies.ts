/** The demonstration `zombies`: a child that has ended before its parent waited for it, and two ways to remove it. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Amount from "../../../terminal/Amount.ts"
import * as Table from "../../../terminal/Table.ts"
import {
  isLinux,
  ownPid,
  type ProcessStatus,
  processStatus,
  runAndWait,
  signal,
  startNonReapingParent,
  ZombieError
} from "./NodeZombie.ts"

/** Interval between two reads of a status. */
const pollMillis = 5

/** Polls the status of a process until `isWanted` or the timeout. Returns all statuses. */
const pollStatus = Effect.fnUntraced(function* (
  pid: number,
  isWanted: (seen: ProcessStatus | undefined) => boolean,
  timeoutMillis = 5_000
) {
  const seen: Array<ProcessStatus | undefined> = []
  yield* Effect.map(processStatus(pid), (one) => seen.push(one)).pipe(
    Effect.repeat({
      until: () => isWanted(seen.at(-1)),
      schedule: Schedule.spaced(pollMillis),
      times: timeoutMillis / pollMillis
    })
  )
  return seen
})

const isGone = (seen: ProcessStatus | undefined) => seen === undefined

const isZombie = (seen: ProcessStatus | undefined) => seen?.state === "Z"

const columns = [Table.right(9), Table.right(9), Table.right(3), Table.right(9)]

const row = (...cells: ReadonlyArray<string | number>) =>
  Table.formatRow(
    columns,
    cells.map((cell, at) => (at < columns.length ? cell : `  ${cell}`))
  )

/** Formats statuses as `ps` does. */
const table = (seen: ReadonlyArray<ProcessStatus | undefined>) =>
  [
    row("PID", "PPID", "S", "RSS", "COMMAND"),
    ...seen.map((one) =>
      one === undefined
        ? row("-", "-", "-", "-", "(not found)")
        : row(
            one.pid,
            one.parent,
            one.state,
            Amount.formatBytes(one.resident),
            one.state === "Z" ? `${one.command} <defunct>` : one.command
          )
    )
  ].join("\n")

/** Describes the end of the zombie after its parent: another process, usually init, adopts it and waits for it. */
const showAdopted = ({
  by,
  left,
  millis
}: {
  readonly by: number | undefined
  readonly left: ProcessStatus | undefined
  readonly millis: number
}) => {
  if (left !== undefined) {
    return `${table([left])}
After ${millis.toFixed(0)} ms it still exists: process ${left.parent}, which adopted it, does not wait either.
A container needs an init process that does, such as with docker run --init.`
  }
  const last = by === undefined ? "" : `; process ${by} had adopted it`
  return `removed ${millis.toFixed(1)} ms after the signal to its parent${last}`
}

/** Creates a zombie, prints its status while it exists, and removes it. */
export const demonstrate = Effect.fnUntraced(function* (print: (text: string) => Effect.Effect<void>) {
  yield* print("A shell starts a child and executes sleep, which never waits for children:\n")
  let child: number | undefined
  // The process that adopts it may wait for it later.
  yield* Effect.addFinalizer(() => (child === undefined ? Effect.void : pollStatus(child, isGone)))
  const parent = yield* startNonReapingParent
  child = parent.child
  const family = Effect.all([processStatus(parent.pid), processStatus(parent.child)])
  yield* pollStatus(parent.pid, (seen) => seen?.command === "sleep")
  const before = yield* family
  yield* print(table(before))

  yield* parent.release
  yield* pollStatus(parent.child, isZombie)
  const after = yield* family
  const zombie = after[1]
  if (!isZombie(zombie)) return yield* new ZombieError({ message: `process ${parent.child} did not become a zombie` })
  yield* print(
    `\nThe child has ended. Its memory is free; its process id and its exit code (${zombie!.exitCode}) remain:\n`
  )
  yield* print(table(after))

  yield* signal(parent.child, "SIGKILL")
  const killed = (yield* pollStatus(parent.child, isGone, 100)).at(-1)
  yield* print(`\nkill -9 ${parent.child}: ${killed === undefined ? "removed" : `still ${killed.state}`}`)

  const [time, seen] = yield* Effect.timed(Effect.andThen(parent.end, pollStatus(parent.child, isGone)))
  const by = seen.find((one) => one !== undefined && one.parent !== parent.pid)?.parent
  const adopted = { millis: Duration.toMillis(time), by, left: seen.at(-1) }
  yield* print(`\nFirst remedy, the parent ends and another process adopts the child: ${showAdopted(adopted)}`)

  const own = yield* runAndWait("sh", "-c", "exit 7")
  const left = yield* processStatus(own.pid)
  yield* print(
    `\nSecond remedy, a parent that waits. This process (${ownPid}) waits for all its children, as Node always does:`
  )
  const then = left === undefined ? "its process id does not exist" : `it was ${left.state}`
  yield* print(`child ${own.pid} ended with ${own.code}; at its exit event ${then}`)
  return { before, zombie, killed, adopted, waited: { ...own, left } }
}, Effect.scoped)

export const zombies = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  if (!isLinux) return yield* new ZombieError({ message: "cannot look for zombies: /proc exists only on Linux" })
  const seen = yield* demonstrate(json ? () => Effect.void : Console.log)
  if (json) yield* Console.log(JSON.stringify(seen))
})
