/** The content of a file from a server, with the limits of a fetch. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Quantity from "../../network/Quantity.ts"
import { type Reason, RemoteFailed } from "../store/FileStoreError.ts"
import type * as Remote from "./Remote.ts"

/** Makes the failure of a fetch. */
export const failure = (url: string, why: string) => new RemoteFailed({ url, why })

/** Fails if the announced size exceeds the limit. */
export const checkSize = (url: string, size: number | undefined, { maxFileBytes }: Remote.Limits) =>
  size === undefined || size <= maxFileBytes ? Effect.void : Effect.fail(tooLarge(url, maxFileBytes))

const tooLarge = (url: string, maxFileBytes: number) =>
  failure(url, `larger than the limit of ${Quantity.format(maxFileBytes, "byte")}; raise the limit`)

const secondsOf = (duration: Duration.Duration) => `${Duration.toMillis(duration) / 1_000} s`

/** Makes the failure of a server that does not reply. */
export const noReply = (url: string, { connectTimeout }: Pick<Remote.Limits, "connectTimeout">) =>
  failure(url, `no reply in ${secondsOf(connectTimeout)}; check the server, or allow more time`)

const silent = (url: string, idleTimeout: Duration.Duration) =>
  failure(url, `the server sent nothing for ${secondsOf(idleTimeout)}; check the server, or allow more time`)

const sizeMismatch = (url: string, announced: number, received: string) =>
  failure(url, `the server announced ${Quantity.format(announced, "byte")}, but sent ${received}`)

/** Limits a body: its size must be the announced one, and its bytes must follow each other in time. */
export const limit = (
  body: Stream.Stream<Uint8Array, Reason>,
  url: string,
  size: number | undefined,
  { idleTimeout, maxFileBytes }: Remote.Limits
): Stream.Stream<Uint8Array, Reason> =>
  Stream.suspend(() => {
    let received = 0
    const count = (bytes: Uint8Array): Effect.Effect<Uint8Array, Reason> => {
      received += bytes.length
      if (size !== undefined && received > size) return Effect.fail(sizeMismatch(url, size, "more"))
      return received > maxFileBytes ? Effect.fail(tooLarge(url, maxFileBytes)) : Effect.succeed(bytes)
    }
    const checkEnd = Stream.suspend(() =>
      size !== undefined && received < size ? Stream.fail(sizeMismatch(url, size, `${received}`)) : Stream.empty
    )
    return body.pipe(
      Stream.timeoutOrElse({ duration: idleTimeout, orElse: () => Stream.fail(silent(url, idleTimeout)) }),
      Stream.mapEffect(count),
      Stream.concat(checkEnd)
    )
  })
