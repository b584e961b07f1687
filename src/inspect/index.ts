/** The sockets of this host with their processes, and a scan of ports that recognizes services. @since 0.1.0 */
export * as NodeSocketSource from "./NodeSocketSource.ts"
export * as PortScan from "./PortScan.ts"
export * as SocketSource from "./SocketSource.ts"
export * as SocketTable from "./SocketTable.ts"
export * as NodePortTest from "./scan/NodePortTest.ts"
export * as PortTest from "./scan/PortTest.ts"
