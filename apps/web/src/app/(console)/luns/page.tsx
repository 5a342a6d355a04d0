import type { Metadata } from "next";
import { LunsPage } from "../../../components/lun/luns-page.tsx";

export const metadata: Metadata = { title: "LUNs" };

export default function Page() {
  return <LunsPage />;
}
