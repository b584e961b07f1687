/** The packets of a run as a table: the diagram for readers of the screen, and for those who look for a packet. */
import { useState } from "preact/hooks"
import { ScrollBox } from "../diagram/ScrollBox.tsx"
import type { TimeAxis } from "../diagram/TimeAxis.ts"
import { outcomeOf } from "./Moments.ts"

/** The packets of a run. A number moves the playback to its packet. */
export const PacketList = (props: {
  readonly axis: TimeAxis
  readonly format: (millis: number) => string
  readonly seek: (positionPixels: number) => void
}) => {
  const [isOpen, setOpen] = useState(false)
  const { axis, format, seek } = props
  return (
    <details class="panel lab-list" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary class="lab-summary">
        <h2>Packets as a list</h2>
        <span class="muted small">{axis.flights.length}</span>
      </summary>
      {isOpen && (
        <ScrollBox class="table-box" label="Packets of the run">
          <table class="table">
            <caption class="visually-hidden">Packets of the run; a number moves the playback to its packet</caption>
            <thead>
              <tr>
                <th scope="col">Packet</th>
                <th scope="col" class="number">
                  Sent, ms
                </th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Message</th>
                <th scope="col">Outcome</th>
              </tr>
            </thead>
            <tbody>
              {axis.flights.map(({ arrow, startPixels }) => (
                <tr key={arrow.number}>
                  <th scope="row">
                    <button
                      type="button"
                      class="button button-small button-quiet"
                      aria-label={`Show packet ${arrow.number}`}
                      onClick={() => seek(startPixels)}
                    >
                      {arrow.number}
                    </button>
                  </th>
                  <td class="number">{format(arrow.sentMillis)}</td>
                  <td>{arrow.from}</td>
                  <td>{arrow.to}</td>
                  <td>{arrow.label}</td>
                  <td>{outcomeOf(arrow)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </details>
  )
}
