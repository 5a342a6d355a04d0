"use client";
/** Short notes at the edge of the page, announced to screen readers; errors stay until they are put away. */
import { X } from "lucide-react";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useState,
} from "react";
import { type Problem, problemOf } from "../../lib/problem.ts";
import type { Tone } from "../../lib/words.ts";
import { Notice } from "./notice.tsx";

interface Note {
  title: string;
  hint?: string | null;
  tone: Tone;
}

interface Toast {
  tell: (note: Note) => void;
  /** For what the API threw. */
  fail: (error: unknown) => void;
}

const Context = createContext<Toast | null>(null);
const SHOWN_MS = 5000;
const MOST = 4;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [notes, setNotes] = useState<(Note & { id: number })[]>([]);
  const nextId = useRef(0);
  const drop = useCallback((id: number) => {
    setNotes((before) => before.filter((note) => note.id !== id));
  }, []);
  const toast = useMemo<Toast>(() => {
    const tell = (note: Note) => {
      const id = nextId.current++;
      setNotes((before) =>
        [...before.filter((n) => n.title !== note.title), { ...note, id }].slice(-MOST),
      );
      if (note.tone !== "bad") setTimeout(() => drop(id), SHOWN_MS);
    };
    const fail = (error: unknown) => {
      const { message, hint }: Problem = problemOf(error);
      tell({ title: message, hint, tone: "bad" });
    };
    return { tell, fail };
  }, [drop]);
  return (
    <Context value={toast}>
      {children}
      <div
        aria-live="polite"
        className="pointer-events-none fixed inset-x-3 bottom-20 z-50 flex flex-col items-end gap-2 sm:inset-x-auto sm:right-5 sm:bottom-5"
      >
        {notes.map((note) => (
          <div
            key={note.id}
            className="rise pointer-events-auto flex w-full max-w-sm items-start rounded-md border border-rule-2 bg-sheet shadow-lg"
          >
            <Notice
              tone={note.tone}
              problem={{ message: note.title, hint: note.hint ?? null }}
              className="flex-1"
            />
            <button
              type="button"
              aria-label="Put away"
              className="p-2.5 text-ink-3 hover:text-ink"
              onClick={() => drop(note.id)}
            >
              <X size={14} aria-hidden />
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}

export function useToast(): Toast {
  const toast = useContext(Context);
  if (toast === null) throw new Error("ToastProvider is missing");
  return toast;
}
