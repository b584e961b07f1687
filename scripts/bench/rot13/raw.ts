/**
 * The same service on `node:net` alone, with the same rotation: the difference to the package's server is the network
 * layer.
 */
import * as Net from "node:net"
import * as Rot13 from "../../../src/rot13/Rot13.ts"
import { control } from "./control.ts"

const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("data", (bytes) => {
    if (!socket.write(Rot13.rotate(bytes as Buffer))) socket.pause()
  })
  socket.on("drain", () => socket.resume())
  socket.on("end", () => socket.end())
  socket.on("error", () => socket.destroy())
})

server.listen(0, "127.0.0.1", 511, () => control((server.address() as Net.AddressInfo).port))
