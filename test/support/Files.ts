import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as NameText from "../../src/tftp/protocol/NameText.ts"
import type * as FileStoreError from "../../src/tftp/store/FileStoreError.ts"
import type * as Store from "../../src/tftp/store/Store.ts"

const utf8 = new TextEncoder()

export const bytesOf = (text: string) => utf8.encode(text)

export const request = (filename: string, more: Partial<Store.Request> = {}): Store.Request => ({
  filename,
  mode: "octet",
  client: { address: "192.0.2.7", port: 2000 },
  options: [],
  size: undefined,
  ...more
})

/** Returns the tag of the reason and its detail, such as `AccessDenied Outside`. */
export const refusal = ({ reason }: FileStoreError.FileStoreError) =>
  "why" in reason ? `${reason._tag} ${reason.why}` : reason._tag

const orRefusal = <A, R>(effect: Effect.Effect<A, FileStoreError.FileStoreError, R>) =>
  Effect.map(Effect.result(effect), (result) => (Result.isSuccess(result) ? result.success : refusal(result.failure)))

/** Reads the text of a file of known size in small pieces, as text of `NameText`. */
export const textOf = Effect.fnUntraced(function* ({ body }: Store.Readable) {
  if (body._tag === "Stream") return "a stream"
  const into = new Uint8Array(5)
  const pieces: Array<Uint8Array> = []
  for (let position = 0; ; position += 5) {
    const count = yield* body.readAt(position, into)
    pieces.push(into.slice(0, count))
    if (count < 5) return NameText.fromBytes(Bytes.concat(pieces))
  }
})

/** Returns the text of a file in a store, or the reason of its refusal. */
export const get = (store: Store.Store, filename: string, more?: Partial<Store.Request>) =>
  Effect.scoped(orRefusal(Effect.flatMap(store.read(request(filename, more)), textOf)))

/** Writes in two pieces and commits: returns `done`, or the reason of a refusal. */
export const put = (store: Store.Store, filename: string, text: string, more?: Partial<Store.Request>) =>
  Effect.scoped(
    orRefusal(
      Effect.gen(function* () {
        const { commit, write } = yield* store.write(request(filename, more))
        const bytes = bytesOf(text)
        yield* write(bytes.slice(0, 3))
        yield* write(bytes.slice(3))
        yield* commit
        return "done"
      })
    )
  )
