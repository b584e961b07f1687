/**
 * A program that writes files into a directory, and prints the outcomes and the log lines as JSON. Its argument is the
 * JSON of `{ root, puts: [[options of the store, name, text], ...] }`.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import { put, refusal, request } from "../Files.ts"

/** The options of a store, the name and the text of an upload, or the length of a long one. */
export type Put = readonly [options: Omit<NodeFileStore.Options, "root">, name: string, text: string | number]

/** The output of the program. */
export interface Report {
  readonly outcomes: ReadonlyArray<string>
  readonly lines: ReadonlyArray<string>
}

const { puts, root } = JSON.parse(process.argv[2] ?? "") as { readonly root: string; readonly puts: ReadonlyArray<Put> }

const lines: Array<string> = []
const logs = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])

/** Returns the outcome of an upload: a refusal before its first byte begins with `refused:`. */
const upload = Effect.fnUntraced(function* ([options, name, text]: Put) {
  const store = yield* NodeFileStore.make({ write: "overwrite", ...options, root })
  const opened = yield* Effect.result(Effect.scoped(store.write(request(name))))
  if (Result.isFailure(opened)) return `refused: ${refusal(opened.failure)}`
  return yield* put(store, name, typeof text === "string" ? text : "the new content ".repeat(text / 16))
})

const outcomes = await Effect.runPromise(Effect.provide(Effect.forEach(puts, upload), logs))
process.stdout.write(JSON.stringify({ outcomes, lines } satisfies Report))
