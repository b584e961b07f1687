/** The files of another TFTP server, requested by `TftpClient`. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Packet from "../protocol/Packet.ts"
import { NotFound, type Reason } from "../store/FileStoreError.ts"
import * as TftpClient from "../TftpClient.ts"
import type * as TftpError from "../TftpError.ts"
import * as FallbackUrl from "./FallbackUrl.ts"
import type * as Remote from "./Remote.ts"
import * as RemoteBody from "./RemoteBody.ts"

const reasonOf =
  (url: string) =>
  ({ message, reason }: TftpError.TftpError): Reason =>
    reason._tag === "Refused" && reason.code === Packet.ErrorCode.FileNotFound
      ? new NotFound()
      : RemoteBody.failure(url, message)

/** Makes a remote for a folder of a TFTP server. TFTP has no versions: a kept file is fetched again. */
export const make = Effect.fnUntraced(function* (
  folder: FallbackUrl.TftpFolder,
  limits: Remote.Limits
): Effect.fn.Return<Remote.Remote, never, TftpClient.Services> {
  const services = yield* Effect.context<TftpClient.Services>()
  const { host, port } = folder
  // The client gives up after the limits of the fetch, which have their own messages.
  const patience = Duration.sum(limits.connectTimeout, limits.idleTimeout)
  const open = Effect.fnUntraced(function* (path: string) {
    const url = FallbackUrl.fileUrl(folder, path)
    const { content, size } = yield* TftpClient.open({ host, port, path: `${folder.path}${path}` }, { patience }).pipe(
      Effect.mapError(reasonOf(url)),
      Effect.timeoutOrElse({
        duration: limits.connectTimeout,
        orElse: () => Effect.fail(RemoteBody.noReply(url, limits))
      })
    )
    yield* RemoteBody.checkSize(url, size, limits)
    const file: Remote.RemoteFile = {
      _tag: "File",
      size,
      validators: { etag: undefined, lastModified: undefined },
      mayStore: true,
      mustRevalidate: false,
      stream: RemoteBody.limit(Stream.mapError(content, reasonOf(url)), url, size, limits)
    }
    return file
  }, Effect.provideContext(services))
  return { urlOf: (path) => FallbackUrl.fileUrl(folder, path), open }
})
