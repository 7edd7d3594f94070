import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_CHROMIUM } from '../../sdk/test/browser/support.js';
import { BINARY } from '../../sdk/test/e2e/process.js';
import { button, LAPTOP, moves, Stage, TELEPHONE, tile } from './stage.js';

const PATIENCE_MS = 90_000;
const runs = BINARY !== undefined && HAS_CHROMIUM;
const title = runs ? 'the phone' : 'the phone (SKIPPED: WAC_BIN names no binary, or there is no Chromium)';

describe.skipIf(!runs)(title, { timeout: PATIENCE_MS }, () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.set(BINARY ?? '');
  }, PATIENCE_MS);

  afterAll(async () => {
    await stage?.strike();
  }, 30_000);

  test('the printed link opens two phones side by side, once, and they call each other', async () => {
    const page = await stage.open(stage.server.pairUrl);
    const [alice, bob] = [page.locator('.phone').nth(0), page.locator('.phone').nth(1)];
    await button(alice, 'Video call: bob').click();
    await bob.getByRole('alertdialog', { name: 'Incoming call: alice' }).waitFor();
    await stage.check(page, 'pair-ringing');
    await button(bob, 'Accept with video').click();
    await Promise.all([moves(alice, 'bob'), moves(bob, 'alice')]);
    await stage.shoot(page, 'pair-call');

    await button(bob, 'Mute').click();
    await tile(alice, 'bob, Muted').waitFor();
    await button(alice, 'Hold').click();
    await tile(bob, /alice, .*on hold/).waitFor();
    await stage.shoot(page, 'pair-hold');
    await button(alice, 'Resume').click();
    await Promise.all([moves(alice, /bob/), moves(bob, 'alice')]);
    await button(bob, 'Turn camera off').click();
    await tile(alice, /bob/).locator('.avatar').waitFor();

    // The page is loaded anew in the middle of the call.
    await page.reload();
    await moves(bob, 'alice');
    await button(bob, 'Turn camera on').click();
    await moves(alice, /bob/);

    await button(alice, 'Hang up').click();
    await bob.getByText('Whom do you want to talk to?').or(button(bob, 'Recent')).first().waitFor();
    for (const phone of [alice, bob]) {
      await button(phone, 'Recent').click();
      await phone.locator('.list .row').first().waitFor();
    }
    await stage.check(page, 'pair-recent');
    await button(alice, 'What happened: bob').click();
    await alice.locator('.story').getByText('bob accepts').waitFor();
    await stage.check(page, 'pair-story');

    const again = await stage.open(stage.server.pairUrl);
    await again.getByRole('alert').first().getByText('This link has been used').waitFor();
    for (const opened of [page, again]) await opened.context().close();
  });

  test('one of two devices accepts; somebody is added, shares a screen, and a call is connected with another', async () => {
    const alice = await stage.signIn('alice');
    const bob = await stage.signIn('bob');
    const bobsOther = await stage.signIn('bob', TELEPHONE);
    const carol = await stage.signIn('carol');
    await stage.check(alice, 'people');
    await button(alice, 'Video call: bob').click();
    await stage.shoot(alice, 'calling');
    await bobsOther.getByRole('alertdialog').waitFor();
    await stage.check(bobsOther, 'telephone-ringing');
    await button(bob, 'Accept with video').click();
    await bobsOther.getByText('Answered on another device').waitFor();
    await moves(alice, 'bob');

    await button(alice, 'Add someone').click();
    await stage.shoot(alice, 'adding');
    await alice.getByRole('dialog').getByRole('button', { name: 'carol' }).click();
    await button(carol, 'Accept with video').click();
    await Promise.all([moves(alice, 'carol'), moves(bob, 'carol'), moves(carol, 'alice'), moves(carol, 'bob')]);
    await stage.check(alice, 'conference');
    await button(alice, 'More').click();
    await alice.getByText('Round trip').waitFor();
    await stage.check(alice, 'more');
    await button(alice, 'More').click();
    await button(carol, 'Share screen').click();
    await moves(alice, 'Screen of carol');
    await stage.shoot(alice, 'screen');
    await button(carol, 'Stop sharing').click();
    await tile(alice, 'Screen of carol').waitFor({ state: 'detached' });
    await button(alice, 'Remove: carol').click();
    await carol.getByText('You were removed from the call').waitFor();
    await tile(alice, 'carol').waitFor({ state: 'detached' });

    // Alice asks carol, and connects the two.
    await button(alice, 'Call: carol').click();
    await button(carol, 'Accept').click();
    await tile(bob, /alice, .*on hold/).waitFor();
    await tile(alice, 'carol').waitFor();
    await stage.shoot(alice, 'two-calls');
    await button(alice, 'Transfer').click();
    await stage.check(alice, 'transferring');
    await button(alice, 'Connect with bob').click();
    await stage.check(carol, 'transferred');
    await button(carol, 'Agree').click();
    await tile(carol, 'bob').waitFor();
    await tile(bob, 'carol').waitFor();
    await alice.getByText('Whom do you want to talk to?').waitFor();
    await button(carol, 'Hang up').click();
    for (const page of [alice, bob, bobsOther, carol]) await page.context().close();
  });

  test('it can be used with keys alone, at a telephone’s width, and in Spanish', async () => {
    const bob = await stage.signIn('bob', { ...TELEPHONE, locale: 'es-ES', colorScheme: 'dark' });
    await stage.check(bob, 'telephone-people-dark-es');
    const alice = await stage.signIn('alice');
    await alice.getByRole('textbox', { name: 'Search or call' }).focus();
    await alice.keyboard.type('bob');
    await alice.keyboard.press('Enter');
    await bob.getByRole('alertdialog', { name: 'Llamada entrante: alice' }).waitFor();
    // The call has the keys: the first button declines, the next one accepts.
    await bob.keyboard.press('Tab');
    await bob.keyboard.press('Tab');
    await bob.keyboard.press('Enter');
    await tile(bob, 'alice').waitFor();
    await stage.check(bob, 'telephone-call-es');
    await button(alice, 'Add someone').focus();
    await alice.keyboard.press('Enter');
    await alice.getByRole('dialog').waitFor();
    await alice.keyboard.press('Escape');
    await alice.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await button(alice, 'Add someone').evaluate(element => element === document.activeElement)).toBe(true);
    // Every button says what it is.
    for (const page of [alice, bob]) {
      const nameless = await page
        .locator('button')
        .evaluateAll(
          all => all.filter(one => !(one.getAttribute('aria-label') ?? one.textContent ?? '').trim()).length,
        );
      expect(nameless).toBe(0);
    }
    expect(await bob.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await button(bob, 'Volver').click();
    await bob.getByText('En una llamada').waitFor();
    // The list of people is shown, and alice is still heard.
    expect(await bob.locator('audio').evaluateAll(all => all.some(one => !(one as HTMLAudioElement).paused))).toBe(
      true,
    );
    await stage.check(bob, 'telephone-parked-es');

    // Alice hands bob over to carol, without asking her before.
    const carol = await stage.signIn('carol');
    await button(alice, 'Transfer').click();
    await alice.getByRole('dialog').getByRole('button', { name: 'carol' }).click();
    await bob.getByRole('alertdialog', { name: 'Transferir' }).waitFor();
    await stage.check(bob, 'telephone-transferred-es');
    await button(bob, 'De acuerdo').click();
    await button(carol, 'Accept with voice').click();
    await tile(carol, 'bob').waitFor();
    await tile(bob, 'carol').waitFor();
    await alice.getByText('Whom do you want to talk to?').waitFor();
    await button(carol, 'Hang up').click();
    await bob.getByText('Llamada terminada').waitFor();
    for (const page of [alice, bob, carol]) await page.context().close();
  });

  test('a guest comes by a link and calls without an account; a wrong password is said to be one', async () => {
    const bob = await stage.signIn('bob');
    const guest = await stage.open(`${stage.server.url}/phone?guest=demo&call=bob`, LAPTOP);
    await guest.locator('.guest').waitFor();
    await stage.check(guest, 'guest');
    await button(guest, 'Call: bob').click();
    await bob.getByRole('alertdialog', { name: 'Incoming call: Guest' }).waitFor();
    await button(bob, 'Accept with voice').click();
    await moves(bob, 'Guest');
    await tile(guest, 'bob').waitFor();
    await stage.shoot(bob, 'call-with-guest');
    await button(bob, 'Hang up').click();

    const wrong = await stage.open(`${stage.server.url}/phone`);
    await wrong.locator('input[name=username]').fill('bob@demo');
    await wrong.locator('input[name=password]').fill('not it');
    await button(wrong, 'Sign in').click();
    await wrong.getByRole('alert').getByText('The name or the password is wrong').waitFor();
    await stage.check(wrong, 'sign-in-wrong');
    for (const page of [bob, guest, wrong]) await page.context().close();
  });
});
