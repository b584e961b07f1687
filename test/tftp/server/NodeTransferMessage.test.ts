import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../src/network/Network.ts"
import * as Message from "../../../src/tftp/server/NodeTransferMessage.ts"
import * as FileStoreError from "../../../src/tftp/store/FileStoreError.ts"
import * as TftpError from "../../../src/tftp/TftpError.ts"

const cause = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" })

const fileReasons: ReadonlyArray<FileStoreError.Reason> = [
  new FileStoreError.NotFound(),
  new FileStoreError.FolderNotFound(),
  new FileStoreError.AccessDenied({ why: "Outside" }),
  new FileStoreError.DiskFull(),
  new FileStoreError.DiskFull({ minFreeBytes: 7 }),
  new FileStoreError.TooLarge({ limit: 5, of: "Total" }),
  new FileStoreError.Exists(),
  new FileStoreError.Busy(),
  new FileStoreError.IllegalName({ fault: "Control" }),
  new FileStoreError.ReadFailed({ cause }),
  new FileStoreError.WriteFailed({ cause: "a string" }),
  new FileStoreError.BadRoot({ cause })
]

const fileErrors = fileReasons.map((reason, index) =>
  index % 2 === 0
    ? new FileStoreError.FileStoreError({ reason, filename: "\\dir\\caf\udce9" })
    : new FileStoreError.FileStoreError({ reason })
)

const address = NetAddress.inetAddressFromIpStringUnsafe("192.0.2.1", 69)

const reasons: ReadonlyArray<TftpError.Reason> = [
  new TftpError.Refused({ code: 3, text: "full\u0007" }),
  new TftpError.Timeout({ attempts: 6, lastAckMissing: true }),
  new TftpError.Timeout({ attempts: 6, lastAckMissing: false, awaited: { kind: "DATA", block: 9, bytes: 8_192 } }),
  new TftpError.DeadlineExceeded({ millis: 1_500 }),
  new TftpError.ProtocolViolation({ code: 4, detail: "DATA too long" }),
  new TftpError.SizeMismatch({ announced: 5, received: 6 }),
  new TftpError.Socket({ cause: new Network.NetworkError({ reason: "AddressInUse", address }) }),
  new TftpError.Socket({ cause: new Network.NetworkError({ reason: "Unknown", cause }) }),
  new TftpError.ThreadEnded({ detail: "exited with code 5" }),
  ...fileErrors.map((cause) => new TftpError.File({ cause }))
]

describe("NodeTransferMessage", () => {
  for (const error of fileErrors) {
    it(`carries a FileStoreError with its type and messages: ${error.message}`, () => {
      const received = Message.decodeFileError(structuredClone(Message.encodeFileError(error)))
      assert.instanceOf(received, FileStoreError.FileStoreError)
      assert.strictEqual(received.reason.constructor, error.reason.constructor)
      assert.deepStrictEqual(
        [received.message, received.code, received.peerMessage, received.filename],
        [error.message, error.code, error.peerMessage, error.filename]
      )
    })
  }

  for (const reason of reasons) {
    it(`carries a TftpError with its type and message: ${reason._tag}: ${reason.message}`, () => {
      const error = new TftpError.TftpError({ reason })
      const received = Message.decodeError(structuredClone(Message.encodeError(error)))
      assert.instanceOf(received, TftpError.TftpError)
      assert.strictEqual(received.reason.constructor, reason.constructor)
      assert.strictEqual(received.message, error.message)
      if (reason._tag === "File" && received.reason._tag === "File") {
        assert.instanceOf(received.reason.cause, FileStoreError.FileStoreError)
        assert.strictEqual(received.reason.cause.code, reason.cause.code)
      }
    })
  }
})
