/** Admin: an HTTP server for health, metrics and states of services, and the export of telemetry. @since 0.1.0 */
export * as AdminServer from "./AdminServer.ts"
export * as NodeAdminServer from "./NodeAdminServer.ts"
export * as OtlpExport from "./OtlpExport.ts"
export * as ServiceState from "./ServiceState.ts"
