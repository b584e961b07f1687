/** Rules for names from a file: read at the start and at a reload, and shown step by step. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Ref from "effect/Ref"
import * as RegularFile from "../../../network/files/RegularFile.ts"
import * as NameText from "../../../tftp/protocol/NameText.ts"
import * as RemapRules from "../../../tftp/rules/RemapRules.ts"
import type * as Store from "../../../tftp/store/Store.ts"

/** Reads a file of rules. Fails with one line for the user: the place of an error, or why the file cannot be read. */
const read = Effect.fnUntraced(function* (path: string) {
  const name = NameText.escape(path)
  const bytes = yield* Effect.mapError(
    RegularFile.readBytes(path, RemapRules.maxFileChars),
    ({ message }) => `${name}: ${message}`
  )
  return yield* Effect.mapError(
    Effect.fromResult(RemapRules.parse(NameText.fromBytes(bytes))),
    ({ column, line, message }) => `${name}:${line}:${column}: ${message}`
  )
})

/** The rules in force. */
export interface InForce {
  readonly rules: Effect.Effect<RemapRules.Rules>
  /** Reads the file again. The old rules stay if it has an error: the effect fails with one line for the user. */
  readonly reread: Effect.Effect<ReadonlyArray<string>, string>
}

/** Reads rules that can be read again. */
export const load = Effect.fnUntraced(function* (path: string) {
  const services = yield* Effect.context<FileSystem.FileSystem>()
  const rules = yield* Ref.make(yield* read(path))
  const reread = Effect.flatMap(read(path), (next) => Effect.as(Ref.set(rules, next), ["rules"]))
  const inForce: InForce = { rules: Ref.get(rules), reread: Effect.provideContext(reread, services) }
  return inForce
})

/** The client of a check. */
const client = { address: "127.0.0.1", port: 1_024 }

/** Reads a file by its name after the rules; returns its size, or why it is refused. */
const lookUp = (store: Store.Store, filename: string) =>
  store.read({ filename, mode: "octet", client, options: [], size: undefined }).pipe(
    Effect.scoped,
    Effect.match({
      onSuccess: ({ size }) => (size === undefined ? "a file" : `${size} bytes`),
      onFailure: ({ reason }) => reason.detail
    })
  )

/** The most characters of a name that are shown. */
const maxShownChars = 200

const shownName = (name: string) =>
  name.length <= maxShownChars
    ? NameText.quote(name)
    : `${NameText.quote(name.slice(0, maxShownChars))} and ${name.length - maxShownChars} more characters`

const lines = (
  path: string,
  name: string,
  kind: RemapRules.Request["kind"],
  { outcome, steps }: RemapRules.Applied
) => {
  let before = name
  const shown = steps.map(({ line, name: after, result }) => {
    const change = after === before ? "" : `  ${shownName(after)}`
    before = after
    return `  ${NameText.escape(path)}:${line}: ${result}${change}`
  })
  const heading = `${shownName(name)}, a ${kind} from ${client.address}`
  const end =
    outcome._tag === "Renamed"
      ? []
      : outcome._tag === "Refused"
        ? [`  refused${outcome.message === undefined ? "" : `: ${shownName(outcome.message)}`}`]
        : ["  endless: refused; let the rule match less, or end with e"]
  return [heading, ...shown, ...end]
}

/** Prints what the rules do with a name, for a read and for a write if they differ, and the file that is read. */
export const check = Effect.fnUntraced(function* (path: string, name: string, store: Store.Store, json: boolean) {
  const rules = yield* read(path)
  const apply = (kind: RemapRules.Request["kind"]) => RemapRules.apply(rules, { name, kind, client })
  const reading = apply("read")
  const file = reading.outcome._tag === "Renamed" ? yield* lookUp(store, reading.outcome.name) : undefined
  const kinds = rules.some(({ operation }) => /[GP]/.test(operation))
    ? (["read", "write"] as const)
    : (["read"] as const)
  for (const kind of kinds) {
    const applied = kind === "read" ? reading : apply(kind)
    if (json) {
      yield* Console.log(JSON.stringify({ name, kind, ...applied, ...(kind === "read" ? { file } : {}) }))
      continue
    }
    for (const line of lines(path, name, kind, applied)) yield* Console.log(line)
    if (kind === "read" && reading.outcome._tag === "Renamed") {
      yield* Console.log(`  ${shownName(reading.outcome.name)}: ${file}`)
    }
  }
})

/** Checks the flags of rules. Returns what is wrong with them, or undefined. */
export const conflict = (rules: string | undefined, checkRules: string | undefined): string | undefined =>
  checkRules !== undefined && rules === undefined
    ? "--check-rules needs --rules FILE: name the rules to check"
    : undefined
