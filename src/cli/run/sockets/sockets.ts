/** The command `sockets`: prints the sockets of this host once, or again and again with their changes. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as NodeSocketSource from "../../../inspect/NodeSocketSource.ts"
import * as SocketTable from "../../../inspect/SocketTable.ts"
import * as ServiceNames from "../../../network/names/ServiceNames.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as Ansi from "../../../terminal/Ansi.ts"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import { columns as terminalColumns } from "../../../terminal/NodeTerminal.ts"
import * as Table from "../../../terminal/Table.ts"
import { UsageError } from "../../common/CliErrors.ts"
import { withoutSettings } from "../../common/settings/CommandInput.ts"
import * as NodeV8Flags from "../common/NodeV8Flags.ts"
import * as Text from "./text.ts"

interface Input {
  readonly listening: boolean
  readonly tcp: boolean
  readonly udp: boolean
  readonly unix: boolean
  readonly port: string | undefined
  readonly pid: number | undefined
  readonly state: ReadonlyArray<string> | undefined
  readonly namespaces: boolean
  readonly watch: boolean
  readonly interval: Duration.Duration | undefined
  readonly json: boolean
}

/** Returns the port of a number or a service. */
const portOf = (services: ServiceNames.Table, text: string) =>
  Effect.fromResult(services.resolve(text)).pipe(
    Effect.mapError(({ message }) => new UsageError({ message: `--port: ${message}` })),
    Effect.filterOrFail(
      (port) => port > 0,
      () => new UsageError({ message: "--port: 0 stands for any port: give a number from 1 to 65535, or a service" })
    )
  )

const protocols = ["tcp", "udp", "unix"] as const

/** Protocols that are listed without a flag, unless a process is given: a host has hundreds of unix sockets. */
const inetProtocols = ["tcp", "udp"] as const

/** Returns the options of the list. */
const optionsOf = Effect.fnUntraced(function* (input: Input) {
  const services = yield* ServiceNames.ServiceNames
  const chosen = protocols.filter((protocol) => input[protocol])
  const options: SocketTable.WatchOptions = {
    services,
    protocols: chosen.length > 0 ? chosen : input.pid === undefined ? inetProtocols : protocols,
    listening: input.listening,
    port: input.port === undefined ? undefined : yield* portOf(services, input.port),
    pid: input.pid,
    states: input.state?.flatMap((name) => SocketTable.stateNames[name] ?? []),
    otherNamespaces: input.namespaces ? true : undefined,
    interval: input.interval
  }
  return options
})

/** Width of a table that is not printed to a terminal. */
const unlimitedColumns = 1_000

const unixPeersNote = "unix sockets: their peers are not in /proc; find an inode in the output of ss -x for both ends"

/** Returns the note on the unix sockets that were not asked for; none if there are none, or if they have no port. */
const omittedUnixNotes = Effect.fnUntraced(function* (options: SocketTable.Options) {
  if (options.protocols !== inetProtocols || options.port !== undefined) return []
  const number = yield* SocketTable.count({ ...options, protocols: ["unix"] })
  return number === 0 ? [] : [`${Quantity.format(number, "unix socket")}: --unix lists them`]
})

/** Adds the notes on unix sockets to a list. */
const withUnixNotes = Effect.fnUntraced(function* (list: SocketTable.SocketList, options: SocketTable.Options) {
  const omitted = yield* omittedUnixNotes(options)
  const peers = list.sockets.some(({ protocol }) => protocol === "unix") ? [unixPeersNote] : []
  return { ...list, notes: [...list.notes, ...peers, ...omitted] }
})

/** Prints a table, and the notes on standard error. */
const printTable = Effect.fnUntraced(function* ({ notes, omittedNamespaces, sockets }: SocketTable.SocketList) {
  const isTerminal = yield* (yield* Stdio.Stdio).stdoutIsTerminal
  const width = isTerminal ? terminalColumns() : unlimitedColumns
  const text = Table.fitText(Text.columns, sockets, width)
  if (sockets.length > 0) yield* Console.log(isTerminal ? singleWidth(text) : text)
  else yield* Console.error("no socket meets the conditions")
  for (const note of notes) yield* Console.error(note)
  if (omittedNamespaces > 0) {
    yield* Console.error(
      `${Quantity.format(omittedNamespaces, "other network namespace")}: --namespaces lists them, too`
    )
  }
})

/** Replaces characters that would break the columns. */
const singleWidth = (text: string) => text.split("\n").map(Ansi.toSingleWidth).join("\n")

const now = Effect.map(Clock.currentTimeMillis, (millis) => DateTime.formatIso(DateTime.makeUnsafe(millis)))

/** Prints each change as one line: of JSON, or of text after the table. */
const printChanges = (updates: ReturnType<typeof SocketTable.watch>, options: SocketTable.Options, json: boolean) =>
  Stream.runForEach(
    updates,
    Effect.fnUntraced(function* ({ changes, list }) {
      const time = yield* now
      if (!json && changes.every(({ kind }) => kind === "present")) {
        return changes.length === 0 ? undefined : yield* printTable(yield* withUnixNotes(list, options))
      }
      for (const change of changes) {
        yield* Console.log(
          json ? JSON.stringify(Text.changeToJson(change, time)) : `${time} ${Text.describeChange(change)}`
        )
      }
    })
  )

/** Returns the title of the screen: the command with its conditions. */
const titleOf = (input: Input) =>
  [
    "sockets",
    ...(["listening", ...protocols] as const).filter((name) => input[name]),
    ...(input.port === undefined ? [] : [`port ${input.port}`]),
    ...(input.pid === undefined ? [] : [`pid ${input.pid}`]),
    ...(input.state === undefined ? [] : [input.state.join()])
  ].join(" ")

export const sockets = Effect.fnUntraced(
  function* (given: Input) {
    const input = yield* withoutSettings(given, given.watch ? [] : ["interval"])
    if (input.interval !== undefined && !input.watch) {
      return yield* new UsageError({ message: "--interval requires --watch: add it, or leave --interval out" })
    }
    const options = yield* optionsOf(input)
    if (!input.watch) NodeV8Flags.growYoungGeneration()
    if (!input.watch) {
      const list = yield* withUnixNotes(yield* SocketTable.list(options), options)
      return yield* input.json ? Console.log(JSON.stringify(Text.listToJson(list))) : printTable(list)
    }
    const updates = SocketTable.watch(options)
    if (input.json || !NodeScreen.isTerminal()) return yield* printChanges(updates, options, input.json)
    const { show } = yield* Effect.promise(() => import("./screen.ts"))
    yield* show(updates, titleOf(input), SocketTable.compare)
  },
  Effect.provide(Layer.merge(ServiceNames.layer(), NodeSocketSource.layer))
)
