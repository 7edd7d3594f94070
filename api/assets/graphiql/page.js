// Logs in, and shows GraphiQL with the access token, which stays in this page's memory.
'use strict';

(() => {
  const byId = (id) => document.getElementById(id);
  const status = byId('status');
  const root = ReactDOM.createRoot(byId('graphiql'));
  const socketUrl = new URL('/graphql', window.location.href);
  socketUrl.protocol = socketUrl.protocol === 'https:' ? 'wss:' : 'ws:';
  const welcome = [
    '# Queries take asOf: {position: …} or {time: "…"} and answer from the past.',
    '{',
    '  me { role expires user { id username lastLogin } domain { name } }',
    '  events(limit: 5) { events { position type actor { kind id } data } }',
    '}',
    '',
    '# subscription { changes { position kind id type } }',
  ].join('\n');
  let logins = 0;

  const tell = (text, failed) => {
    status.textContent = text;
    status.classList.toggle('failed', Boolean(failed));
  };

  const show = (token) => {
    let authorization = `Bearer ${token}`;
    const wsClient = graphqlWs.createClient({
      url: socketUrl.href,
      connectionParams: () => ({ authorization }),
    });
    const send = GraphiQL.createFetcher({ url: '/graphql', wsClient });
    // A token in the headers editor goes before the one of the log-in.
    const fetcher = (params, options) => {
      const headers = { Authorization: `Bearer ${token}`, ...(options && options.headers) };
      const given = Object.entries(headers).filter(([name]) => name.toLowerCase() === 'authorization').pop();
      authorization = given[1];
      return send(params, { ...options, headers });
    };
    logins += 1;
    root.render(React.createElement(GraphiQL, { key: logins, fetcher, defaultQuery: welcome, shouldPersistHeaders: false }));
  };

  byId('login').addEventListener('submit', async (event) => {
    event.preventDefault();
    tell('Logging in …');
    try {
      const response = await fetch('/sapi/o/token', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ grant_type: 'password', username: byId('username').value, password: byId('password').value }),
      });
      const answer = await response.json();
      if (!response.ok) {
        tell(answer.error_description || answer.detail || 'The log-in failed.', true);
        return;
      }
      byId('password').value = '';
      tell(`Logged in as ${byId('username').value}, for ${Math.round(answer.expires_in / 60)} minutes.`);
      show(answer.access_token);
    } catch (error) {
      tell(`The server cannot be reached: ${error.message}`, true);
    }
  });
})();
