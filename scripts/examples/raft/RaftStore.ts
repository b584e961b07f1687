/** The state of a server on its disk: one file, replaced atomically and synced. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as KeyValue from "./KeyValue.ts"
import * as Log from "./RaftLog.ts"

const Stored = Schema.Struct({ term: Schema.Int, vote: Schema.NullOr(Schema.String), log: Log.Log })
type Stored = typeof Stored.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Stored))

/** State of a server that has never run, in a cluster with these members. */
const initial = (members: ReadonlyArray<string>): Stored => ({
  ...{ term: 0, vote: null },
  log: { snapshot: { index: 0, term: 0, members, machine: KeyValue.empty }, entries: [] }
})

/**
 * Opens the state in a folder. A write returns once the state is on the disk: the file is synced before it replaces the
 * old one, and the folder after that.
 */
export const make = Effect.fnUntraced(function* (folder: string, members: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = `${folder}/raft.json`
  const replace = Effect.fnUntraced(function* (text: string) {
    const file = yield* fs.open(`${path}.new`, { flag: "w" })
    yield* file.writeAll(new TextEncoder().encode(text))
    yield* file.sync
    yield* fs.rename(`${path}.new`, path)
    yield* (yield* fs.open(folder, { flag: "r" })).sync
  }, Effect.scoped)
  const isOld = yield* fs.exists(path)
  if (!isOld) yield* fs.makeDirectory(folder, { recursive: true })
  return {
    stored: isOld ? yield* Effect.flatMap(fs.readFileString(path), decode) : initial(members),
    write: ({ log, term, vote }: Stored) => replace(JSON.stringify({ term, vote, log }))
  }
})
