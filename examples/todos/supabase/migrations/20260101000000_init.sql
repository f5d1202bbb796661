-- A to-do list and a profile with a picture, each seen by its owner alone.

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  display_name text check (char_length(display_name) <= 80),
  avatar_path text,
  updated_at timestamptz not null default now()
);

alter table public.profiles enable row level security;

create policy "People see their own profile"
  on public.profiles for select
  to authenticated
  using ((select auth.uid()) = id);

create policy "People create their own profile"
  on public.profiles for insert
  to authenticated
  with check ((select auth.uid()) = id);

create policy "People change their own profile"
  on public.profiles for update
  to authenticated
  using ((select auth.uid()) = id)
  with check ((select auth.uid()) = id);


create table public.todos (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  title text not null check (char_length(title) between 1 and 200),
  done boolean not null default false,
  created_at timestamptz not null default now()
);

-- Every query is filtered by owner, by the policies below.
create index todos_user_id_idx on public.todos (user_id);

alter table public.todos enable row level security;

create policy "People see their own to-dos"
  on public.todos for select
  to authenticated
  using ((select auth.uid()) = user_id);

create policy "People add to-dos of their own"
  on public.todos for insert
  to authenticated
  with check ((select auth.uid()) = user_id);

create policy "People change their own to-dos"
  on public.todos for update
  to authenticated
  using ((select auth.uid()) = user_id)
  with check ((select auth.uid()) = user_id);

create policy "People delete their own to-dos"
  on public.todos for delete
  to authenticated
  using ((select auth.uid()) = user_id);


-- Pictures: anyone with the address may look, only the owner may write, and
-- only inside the folder named after their user id.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('avatars', 'avatars', true, 1048576, array['image/png', 'image/jpeg', 'image/webp']);

create policy "People list their own pictures"
  on storage.objects for select
  to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);

create policy "People upload into their own folder"
  on storage.objects for insert
  to authenticated
  with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);

create policy "People replace their own pictures"
  on storage.objects for update
  to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);

create policy "People delete their own pictures"
  on storage.objects for delete
  to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);
