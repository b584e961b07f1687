/** The settings of the laboratory, which are in the address of the page. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import * as Settings from "../../lab/Settings.ts"
import * as Route from "../Route.ts"
import * as LabAddress from "./LabAddress.ts"

/** The settings, and the way they were set: an `opened` run plays at once, an `adjusted` one is shown whole. */
export interface Chosen {
  readonly settings: Settings.Settings
  readonly by: "opened" | "adjusted"
}

const read = (): Settings.Settings => LabAddress.parse(location.hash)

/** Writes an address: in place of the present one, or as a new entry of the history. */
const write = (address: string, how: "pushState" | "replaceState"): void => {
  if (address === location.hash) return
  try {
    history[how](null, "", address)
  } catch {
    // A browser limits the changes of the address in a time: the next one writes it.
  }
}

/**
 * Returns the settings and their setter. An address that is opened sets them, too, and is put right if it is not.
 *
 * The first change of an opened run is a new entry of the history, and later ones replace it: a step back leads to the
 * run that was opened, not through the positions of a slider.
 */
export const useSettings = (): readonly [Chosen, (chosen: Chosen) => void] => {
  const [chosen, setChosen] = useState<Chosen>(() => ({ settings: read(), by: "opened" }))
  const isOpened = useRef(true)
  useEffect(() => {
    const correct = () => {
      isOpened.current = true
      const right = LabAddress.correctionOf(location.hash)
      if (right !== undefined) write(right, "replaceState")
    }
    const open = () => {
      if (Route.parse(location.hash).page !== "lab") return
      correct()
      setChosen({ settings: read(), by: "opened" })
    }
    correct()
    addEventListener("hashchange", open)
    return () => removeEventListener("hashchange", open)
  }, [])
  const choose = useCallback((next: Chosen) => {
    const settings = Settings.normalize(next.settings)
    write(LabAddress.of(settings), isOpened.current ? "pushState" : "replaceState")
    isOpened.current = false
    setChosen({ ...next, settings })
  }, [])
  return [chosen, choose]
}
