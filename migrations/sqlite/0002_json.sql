-- Payloads are the text they arrived as. Here they always were: nothing to change.
select 1;
