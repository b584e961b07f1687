/** Stores over a fallback server of a test. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeServices from "../../../src/network/node/NodeServices.ts"
import type * as Fallback from "../../../src/tftp/fallback/Fallback.ts"
import * as NodeFallbackHttpClient from "../../../src/tftp/fallback/NodeFallbackHttpClient.ts"
import type * as FileStoreError from "../../../src/tftp/store/FileStoreError.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import { request } from "../Files.ts"
import * as Handles from "../Handles.ts"
import { quietly } from "./TftpHosts.ts"

const services = Layer.merge(NodeServices.layer, NodeFallbackHttpClient.layer)

/** Defines a test with the services of a fallback; asserts that no socket is left. */
export const test = (name: string, body: () => Effect.Effect<void, unknown, Fallback.Services | Scope.Scope>) =>
  it.live(name, () =>
    Handles.assertNoLeaks(Effect.suspend(body).pipe(Effect.scoped, quietly, Effect.provide(services)))
  )

const chunkBytes = 1_000

/** Emits the content of a file. */
export const contentOf = ({ body }: Store.Readable): Stream.Stream<Uint8Array, FileStoreError.FileStoreError> =>
  body._tag === "Stream"
    ? body.stream
    : Stream.unfold(0, (position) => {
        const bytes = new Uint8Array(chunkBytes)
        return Effect.map(body.readAt(position, bytes), (count) =>
          count === 0 ? undefined : ([bytes.subarray(0, count), position + count] as const)
        )
      })

/** Returns the text of a file. */
const textOf = (file: Store.Readable) => Stream.mkString(Stream.decodeText(contentOf(file)))

/** Reads a file of a store: returns its announced size and its text, or the message of the error. */
export const read = (store: Store.Store, filename: string) =>
  Effect.gen(function* () {
    const file = yield* store.read(request(filename))
    return `${file.size ?? "?"} ${yield* textOf(file)}`
  }).pipe(
    Effect.scoped,
    Effect.result,
    Effect.map(Result.match({ onSuccess: (text) => text, onFailure: ({ message }) => message }))
  )
