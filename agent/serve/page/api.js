// The same HTTP API that everybody has.

export class Problem extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

export async function call(method, path, body) {
  const form = body instanceof FormData;
  let reply;
  try {
    reply = await fetch(path, {
      method, credentials: "same-origin",
      headers: body && !form ? { "Content-Type": "application/json" } : {},
      body: form ? body : body && JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "The server does not answer.");
  }
  if (reply.status === 204) return null;
  let data = null;
  try { data = await reply.json(); } catch { /* said below */ }
  if (!reply.ok) throw new Problem(reply.status, data?.error || `The server answered with ${reply.status}.`);
  return data;
}

export const caseAt = (id, ...rest) => ["/cases", encodeURIComponent(id), ...rest].join("/");

export function picture(id, number, size, box) {
  const part = box ? `&box=${box.map(edge => edge.toFixed(4)).join(",")}` : "";
  return `${caseAt(id, "photos", number, "picture")}?size=${size}${part}`;
}

export const MOST_BYTES = 30e6;

export async function upload(id, file) {
  if (file.size > MOST_BYTES) throw new Problem(413, `${file.name} is larger than 30 MB.`);
  const form = new FormData();
  form.append("photo", file, file.name);
  return call("POST", caseAt(id, "photos"), form);
}
