-- Here nothing replaces a row without updating it: nothing to change.
select 1;
