/** A child that has ended and for which nobody has waited: what is left of it, and what takes that away. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Table from "../../../terminal/Table.ts"
import { formatBytes } from "../tftp/transferBar.ts"
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

const pollMillis = 5

/** Looks at a process until it is as wanted, and gives all that was seen; gives up after so many milliseconds. */
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

/** As `ps` shows them. */
const table = (seen: ReadonlyArray<ProcessStatus | undefined>) =>
  [
    row("PID", "PPID", "S", "RSS", "COMMAND"),
    ...seen.map((one) =>
      one === undefined
        ? row("-", "-", "-", "-", "(no such process)")
        : row(
            one.pid,
            one.parent,
            one.state,
            formatBytes(one.resident),
            one.state === "Z" ? `${one.command} <defunct>` : one.command
          )
    )
  ].join("\n")

/** Who waits where a parent has not: the first process, or one that has asked for it. */
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
After ${millis.toFixed(0)} ms it is still there: process ${left.parent}, which has it now, does not wait either.
A container needs a first process that does, such as docker run --init.`
  }
  const last = by === undefined ? "" : `; process ${by} had it last`
  return `gone ${millis.toFixed(1)} ms after its parent was told to end${last}`
}

/** Shows a zombie, and takes it away; what is said is said while it is so. */
export const demonstrate = Effect.fnUntraced(function* (say: (text: string) => Effect.Effect<void>) {
  yield* say("A shell starts a child and becomes sleep, which never waits for children:\n")
  let child: number | undefined
  // Whoever takes it over may take its time.
  yield* Effect.addFinalizer(() => (child === undefined ? Effect.void : pollStatus(child, isGone)))
  const parent = yield* startNonReapingParent
  child = parent.child
  const family = Effect.all([processStatus(parent.pid), processStatus(parent.child)])
  yield* pollStatus(parent.pid, (seen) => seen?.command === "sleep")
  const before = yield* family
  yield* say(table(before))

  yield* parent.release
  yield* pollStatus(parent.child, isZombie)
  const after = yield* family
  const zombie = after[1]
  if (!isZombie(zombie)) return yield* new ZombieError({ message: `process ${parent.child} did not become a zombie` })
  yield* say(
    `\nThe child has ended. Its memory is free, its number and its exit code (${zombie!.exitCode}) are kept:\n`
  )
  yield* say(table(after))

  yield* signal(parent.child, "SIGKILL")
  const killed = (yield* pollStatus(parent.child, isGone, 100)).at(-1)
  yield* say(`\nkill -9 ${parent.child}: ${killed === undefined ? "it is gone" : `still ${killed.state}`}`)

  const [time, seen] = yield* Effect.timed(Effect.andThen(parent.end, pollStatus(parent.child, isGone)))
  const by = seen.find((one) => one !== undefined && one.parent !== parent.pid)?.parent
  const adopted = { millis: Duration.toMillis(time), by, left: seen.at(-1) }
  yield* say(`\nFirst cure, its parent ends and another takes the child: ${showAdopted(adopted)}`)

  const own = yield* runAndWait("sh", "-c", "exit 7")
  const left = yield* processStatus(own.pid)
  yield* say(
    `\nSecond cure, a parent that waits. This process (${ownPid}) waits for all its children, as Node does by itself:`
  )
  const then = left === undefined ? "there is no such process" : `it was ${left.state}`
  yield* say(`child ${own.pid} ended with ${own.code}; at its exit event ${then}`)
  return { before, zombie, killed, adopted, waited: { ...own, left } }
}, Effect.scoped)

export const zombies = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  if (!isLinux) return yield* new ZombieError({ message: "zombies are looked for in /proc, which only Linux has" })
  const seen = yield* demonstrate(json ? () => Effect.void : Console.log)
  if (json) yield* Console.log(JSON.stringify(seen))
})
