// The API page: swagger-ui from the binary, over this server's own description.
import './page.js';
import { $ } from './page.js';

if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({
    url: '/openapi.json', dom_id: '#swagger', deepLinking: true, validatorUrl: null, displayRequestDuration: true,
    presets: [window.SwaggerUIBundle.presets.apis],
  });
} else $('missing').hidden = false;
