import type { Phone } from './phone.js';

/** Somebody whom the code has signed in (RFC 6749 §5.1, and who he is). */
interface Paired {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

/** Signs the phones in with the code in the address, once; a reload goes on with what is there. */
export async function openPair(phones: readonly Phone[]): Promise<void> {
  for (const phone of phones) phone.isLoud = false;
  await Promise.all(phones.map(phone => phone.resume()));
  const code = location.hash.slice(1);
  const waiting = phones.filter(({ place }) => place === 'signed-out');
  if (code === '' || waiting.length === 0) return;
  history.replaceState(null, '', location.pathname);
  const response = await fetch('/phone/pair', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  }).catch(() => undefined);
  if (!response?.ok) {
    for (const phone of waiting) phone.tell('pairSpent', undefined, true);
    return;
  }
  const { people } = (await response.json()) as { people: Paired[] };
  const entered = waiting.map(async (phone, index) => {
    const tokens = people[index];
    if (!tokens) return;
    const expiresAt = Date.now() + tokens.expires_in * 1_000;
    await phone.enterWithTokens({ token: tokens.access_token, refreshToken: tokens.refresh_token, expiresAt });
  });
  await Promise.all(entered);
}
